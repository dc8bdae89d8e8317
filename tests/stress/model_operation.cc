#include "tests/stress/model_operation.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

namespace scratchfs::harness {

namespace {

constexpr std::array<std::string_view, 31> kActNames = {"open",        "close",
                                                        "write",       "write_direct",
                                                        "read",        "append",
                                                        "truncate",    "punch",
                                                        "zero",        "allocate",
                                                        "copy",        "store_mapped",
                                                        "load_mapped", "seek",
                                                        "sync",        "create",
                                                        "mkdir",       "symlink",
                                                        "fifo",        "link",
                                                        "unlink",      "rmdir",
                                                        "rename",      "rename_no_replace",
                                                        "exchange",    "list_during_change",
                                                        "stat",        "chmod",
                                                        "chown",       "set_times",
                                                        "set_xattr"};
static_assert(kActNames.size() == static_cast<std::size_t>(Act::set_xattr) + 1);

struct Weighted {
  Act act;
  unsigned weight;
};
constexpr Weighted kContents[] = {
    {Act::open, 8},        {Act::close, 4},    {Act::write, 20},   {Act::write_direct, 5},
    {Act::read, 14},       {Act::append, 5},   {Act::truncate, 7}, {Act::punch, 6},
    {Act::zero, 5},        {Act::allocate, 4}, {Act::copy, 8},     {Act::store_mapped, 6},
    {Act::load_mapped, 5}, {Act::seek, 5},     {Act::sync, 2},     {Act::stat, 5},
    {Act::unlink, 1},      {Act::rename, 2},   {Act::link, 1}};
constexpr Weighted kNames[] = {{Act::create, 14},
                               {Act::mkdir, 14},
                               {Act::symlink, 4},
                               {Act::fifo, 2},
                               {Act::link, 8},
                               {Act::unlink, 8},
                               {Act::rmdir, 4},
                               {Act::rename, 14},
                               {Act::rename_no_replace, 3},
                               {Act::exchange, 6},
                               {Act::list_during_change, 6},
                               {Act::stat, 8},
                               {Act::chmod, 3},
                               {Act::chown, 2},
                               {Act::set_times, 2},
                               {Act::set_xattr, 4},
                               {Act::open, 5},
                               {Act::close, 2},
                               {Act::write, 4},
                               {Act::read, 2}};

class Dice {
 public:
  Dice(Kind kind, unsigned seed) : kind_(kind), random_(seed) {}

  Operation roll() {
    Operation operation;
    operation.act = kind_ == Kind::contents ? choose(kContents) : choose(kNames);
    operation.slot = pick(kSlots);
    operation.other_slot = pick(kSlots);
    operation.path = path();
    operation.other_path = path();
    const std::uint64_t most = kind_ == Kind::contents ? kLargestFile : 20'000;
    operation.offset = offset(most - most / 8);
    operation.other_offset = offset(most - most / 8);
    operation.length = 1 + (pick(2) == 0 ? pick(5000) : offset(most / 8));
    operation.value = static_cast<unsigned>(random_());
    return operation;
  }

 private:
  unsigned pick(unsigned below) { return static_cast<unsigned>(random_() % below); }

  template <std::size_t count>
  Act choose(const Weighted (&acts)[count]) {
    unsigned sum = 0;
    for (const Weighted& one : acts) sum += one.weight;
    unsigned at = pick(sum);
    const Weighted* chosen = acts;
    for (; at >= chosen->weight; ++chosen) at -= chosen->weight;
    return chosen->act;
  }

  // Picks an offset near a boundary that matters (page, block, small size), or any other.
  std::uint64_t offset(std::uint64_t below) {
    static constexpr std::uint64_t kUnits[] = {1, 512, 4096, 65536, 1 << 20};
    const std::uint64_t unit = kUnits[pick(std::size(kUnits))];
    const std::uint64_t value = random_() % (below / unit + 1) * unit;
    return std::min(below - 1, pick(3) == 0 ? value + pick(3) : value);
  }

  std::string path() {
    if (kind_ == Kind::contents) return std::string(1, "abcd"[pick(4)]);
    std::string text(1, "abcdef"[pick(6)]);
    for (unsigned deeper = pick(3); deeper > 0; --deeper) text += {'/', "abcdef"[pick(6)]};
    return text;
  }

  const Kind kind_;
  std::mt19937_64 random_;
};

}  // namespace

std::string describe(const Operation& operation) {
  std::ostringstream text;
  text << kActNames.at(static_cast<std::size_t>(operation.act)) << " slots " << operation.slot
       << " " << operation.other_slot << " paths " << operation.path << " " << operation.other_path
       << " offsets " << operation.offset << " " << operation.other_offset << " length "
       << operation.length << " value " << operation.value;
  return text.str();
}

std::vector<Operation> random_operations(Kind kind, unsigned seed, std::size_t count) {
  Dice dice(kind, seed);
  std::vector<Operation> operations(count);
  for (Operation& operation : operations) operation = dice.roll();
  return operations;
}

}  // namespace scratchfs::harness
