// The handlers get requests that no kernel would think of, well framed as every kernel's are: each
// is answered exactly once, and at the end what users are charged is what is there.
#include <linux/fuse.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "fs/kernel/handlers/context.h"
#include "fs/kernel/handlers/operations.h"
#include "fs/kernel/transport/capabilities.h"
#include "tests/fakes/fake_disk.h"
#include "tests/fakes/fake_kernel.h"
#include "tests/fuzz/bytes.h"

namespace {

using namespace scratchfs;
using fuzz::must;

// What the kernel sends in front of names and data.
struct Shape {
  std::uint32_t opcode;
  std::size_t fixed;                      // bytes
  int names = 0;                          // that end in NUL
  std::array<int, 3> ids = {-1, -1, -1};  // offsets of handles and inodes: mostly such as exist
  int size = -1;                          // offset of the length of what is wanted
  bool answered = true;
  bool data = false;  // behind the names; then `size` tells how many
};

constexpr std::uint32_t kStatx = 52;  // newer than Debian 12's headers
constexpr Shape kShapes[] = {
    {FUSE_LOOKUP, 0, 1},
    {.opcode = FUSE_FORGET, .fixed = 8, .answered = false},
    {FUSE_GETATTR, 16, 0, {8, -1, -1}},
    {FUSE_SETATTR, sizeof(fuse_setattr_in), 0, {8, -1, -1}},
    {FUSE_READLINK, 0},
    {FUSE_SYMLINK, 0, 2},
    {FUSE_MKNOD, sizeof(fuse_mknod_in), 1},
    {FUSE_MKDIR, sizeof(fuse_mkdir_in), 1},
    {FUSE_UNLINK, 0, 1},
    {FUSE_RMDIR, 0, 1},
    {FUSE_RENAME, 8, 2, {0, -1, -1}},
    {FUSE_RENAME2, 16, 2, {0, -1, -1}},
    {FUSE_LINK, 8, 1, {0, -1, -1}},
    {FUSE_OPEN, sizeof(fuse_open_in)},
    {FUSE_CREATE, sizeof(fuse_create_in), 1},
    {FUSE_TMPFILE, sizeof(fuse_create_in), 1},
    {FUSE_READ, sizeof(fuse_read_in), 0, {0, -1, -1}, 16},
    {FUSE_WRITE, sizeof(fuse_write_in), 0, {0, -1, -1}, 16, true, true},
    {FUSE_STATFS, 0},
    {FUSE_FLUSH, sizeof(fuse_flush_in), 0, {0, -1, -1}},
    {FUSE_RELEASE, sizeof(fuse_release_in), 0, {0, -1, -1}},
    {FUSE_FSYNC, sizeof(fuse_fsync_in), 0, {0, -1, -1}},
    {FUSE_SETXATTR, 8, 1, {-1, -1, -1}, 0, true, true},
    {FUSE_GETXATTR, sizeof(fuse_getxattr_in), 1, {-1, -1, -1}, 0},
    {FUSE_LISTXATTR, sizeof(fuse_getxattr_in), 0, {-1, -1, -1}, 0},
    {FUSE_REMOVEXATTR, 0, 1},
    {FUSE_OPENDIR, sizeof(fuse_open_in)},
    {FUSE_READDIR, sizeof(fuse_read_in), 0, {0, -1, -1}, 16},
    {FUSE_READDIRPLUS, sizeof(fuse_read_in), 0, {0, -1, -1}, 16},
    {FUSE_RELEASEDIR, sizeof(fuse_release_in), 0, {0, -1, -1}},
    {FUSE_ACCESS, sizeof(fuse_access_in)},
    {FUSE_FALLOCATE, sizeof(fuse_fallocate_in), 0, {0, -1, -1}},
    {FUSE_LSEEK, sizeof(fuse_lseek_in), 0, {0, -1, -1}},
    {FUSE_COPY_FILE_RANGE, sizeof(fuse_copy_file_range_in), 0, {0, 16, 24}},
    {FUSE_POLL, sizeof(fuse_poll_in), 0, {0, -1, -1}},
    {kStatx, 24, 0, {8, -1, -1}},
};

constexpr std::uint32_t kMostWanted =
    64 * 1024;  // bytes of an answer: what goes through the socket

template <typename T>
void put(std::vector<std::byte>& body, int offset, T value) {
  std::memcpy(body.data() + offset, &value, sizeof value);
}
template <typename T>
T get(const std::vector<std::byte>& body, int offset) {
  T value{};
  std::memcpy(&value, body.data() + offset, sizeof value);
  return value;
}

void add(std::vector<std::byte>& body, const std::string& text) {
  const auto bytes = std::as_bytes(std::span(text));
  body.insert(body.end(), bytes.begin(), bytes.end());
}

std::uint64_t take_id(fuzz::Bytes& input) {
  const auto byte = input.take<std::uint8_t>();
  return byte < 0xF0 ? byte % 16 : byte == 0xF0 ? kernel::kControlId : ~std::uint64_t{0} - byte;
}

// Neither empty nor with a slash, as the kernel sees to; short ones, so that they meet again.
std::string take_name(fuzz::Bytes& input) {
  const auto byte = input.take<std::uint8_t>();
  if (byte == 0xFF) return std::string(kernel::kControlName);
  if (byte == 0xFE) return "system.scratchfs.lifetime";
  if (byte == 0xFD) return "user." + take_name(input);
  if (byte >= 0xF0) return std::string(std::size_t{byte} * 4, 'l');
  if (byte < 0x80) return std::string(1, static_cast<char>('a' + byte % 16));
  std::string name = input.text(byte % 32);
  for (char& character : name) {
    if (character == '\0' || character == '/') character = '_';
  }
  return name.empty() || name == "." || name == ".." ? "dot" : name;
}

std::vector<std::byte> take_body(fuzz::Bytes& input, const Shape& shape) {
  std::vector<std::byte> body;
  add(body, input.text(shape.fixed));
  body.resize(shape.fixed);
  for (const int at : shape.ids) {
    if (at >= 0) put(body, at, take_id(input));
  }
  for (int i = 0; i < shape.names; ++i) add(body, take_name(input) + '\0');
  if (shape.data) {
    const auto length = input.take<std::uint16_t>();
    put(body, shape.size, std::uint32_t{length});
    add(body, std::string(length, 'd'));
  } else if (shape.size >= 0) {
    put(body, shape.size, get<std::uint32_t>(body, shape.size) % (kMostWanted + 1));
  }
  return body;
}

// Sessions that never end: ends would come on a thread of their own, at some time.
class Endless final : public lifetime::ClaimantKind {
 public:
  Identity identify(const tree::Caller& caller, base::Wait) override {
    return static_cast<lifetime::ClaimantKey>(caller.pid);
  }
  std::string describe(lifetime::ClaimantKey, pid_t) override { return "session"; }
  std::vector<std::string> describe_now(std::span<const lifetime::ClaimantKey> keys) override {
    return std::vector<std::string>(keys.size(), "session");
  }
  void watch(lifetime::ClaimantKey, pid_t) override {}
  void start(lifetime::ClaimantEvents) override {}
  void stop() override {}
};

// A small one, which lives on: making it costs more than a run. What does not fit goes to a disk in
// memory.
store::Store& small_store() {
  static fakes::FakeDisk disk;
  static const auto store = *store::Store::create(
      {.memory = store::kMinBudget, .spill = 64 << 20, .spill_directory = &disk});
  return *store;
}

fuse_lowlevel_ops all_operations() {
  fuse_lowlevel_ops operations = kernel::operations();
  operations.init = [](void*, fuse_conn_info* connection) {
    kernel::choose_capabilities(*connection);
  };
  return operations;
}

tree::TreeOptions options_of(std::uint8_t choice) {
  tree::TreeOptions options;
  options.lifetime =
      choice % 2 == 0 ? lifetime::LifetimeMode::mount : lifetime::LifetimeMode::claimed;
  options.create_mode = choice % 4 < 2 ? tree::CreateMode::posix : tree::CreateMode::owner_only;
  return options;
}

class Machine {
 public:
  explicit Machine(std::uint8_t choice)
      : tree_(options_of(choice), small_store(), ledger_, claimants_),
        waits_for_closes_(choice % 2 != 0) {
    kernel_.initialize();
  }
  ~Machine() { parking_.drain(); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  void request(fuzz::Bytes& input) {
    const Shape& shape = kShapes[input.take<std::uint8_t>() % std::size(kShapes)];
    const std::uint64_t inode = take_id(input);
    const auto who = input.take<std::uint8_t>();
    const std::vector<std::byte> body = take_body(input, shape);
    // Where a FLUSH makes others wait, they would wait half a second.
    if (shape.opcode == FUSE_FLUSH && waits_for_closes_) return;
    kernel_.become(who % 2 == 0 ? 0 : 1000, 100, 40 + who % 3);
    const std::uint64_t unique = kernel_.send(shape.opcode, inode, body);
    if (shape.answered) await_answer(unique);
    for (const auto& message : kernel_.take()) must(message.unique == 0);
  }

  void check() {
    parking_.drain();
    must(kernel_.take().empty());
    must(tree_.audit().empty());
  }

 private:
  void await_answer(std::uint64_t unique) {
    std::vector<test::Message> answers;
    while (answers.empty()) {
      kernel_.await(1);
      answers = kernel_.take();
    }
    must(answers.size() == 1 && answers[0].unique == unique && answers[0].error <= 0);
  }

  quota::Ledger ledger_{quota::Ledger::Options{
      .everyone = {.bytes = 4 << 20, .inodes = 40}, .overrides = {}, .total_inodes = 1000}};
  Endless claimants_;
  tree::Tree tree_;
  kernel::Counters counters_;
  kernel::Parking parking_{2};
  kernel::Context context_{
      {parking_, counters_}, tree_, kernel::ControlFile([](const kernel::ControlRequest& request) {
        return std::string(request.text);
      })};
  test::FakeKernel kernel_{all_operations(), &context_};
  const bool waits_for_closes_;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  spdlog::set_level(spdlog::level::off);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes input(data, size);
  Machine machine(input.take<std::uint8_t>());
  while (!input.empty()) machine.request(input);
  machine.check();
  return 0;
}
