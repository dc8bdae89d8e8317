// The cost of claiming: creates, closes and unlinks files in a tree without a kernel, alternately
// loose and claimed. Prints the nanoseconds per file of the fastest round. Exit code 1 if a claimed
// file takes over a microsecond longer.
//
// usage: scratchfs_claims_cost [FILES [ROUNDS]]
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fs/lifetime/claim_kind.h"
#include "fs/tree/tree.h"

namespace {

namespace base = scratchfs::base;
namespace lifetime = scratchfs::lifetime;
namespace quota = scratchfs::quota;
namespace store = scratchfs::store;
namespace tree = scratchfs::tree;

using Clock = std::chrono::steady_clock;

constexpr double kAllowedNanoseconds = 1000;

std::vector<std::string> make_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("tmp." + std::to_string(i * 7919));
  return names;
}

// Creates all files before it unlinks the first, so that the claimant holds that many at once.
double round_of(tree::Tree& files, const std::vector<std::string>& names, int flags) {
  const tree::InodeRef root = files.find(tree::kRootId);
  const tree::Caller caller{.uid = 0, .gid = 0, .pid = getpid(), .umask = 022};
  std::vector<tree::HandleId> handles;
  handles.reserve(names.size());
  const auto start = Clock::now();
  for (const std::string& name : names) {
    const auto created =
        files.create(root, name, 0600, O_CREAT | O_RDWR | flags, caller, base::Wait::yes);
    if (!created) std::abort();
    handles.push_back(created->opened.handle);
  }
  const auto spent = Clock::now() - start;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!files.unlink(root, names[i], base::Wait::yes)) std::abort();
    files.release(handles[i]);
  }
  return std::chrono::duration<double, std::nano>(spent).count() /
         static_cast<double>(names.size());
}

std::size_t argument(int argc, char** argv, int index, std::size_t otherwise) {
  return argc > index ? std::strtoul(argv[index], nullptr, 10) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  const auto names = make_names(argument(argc, argv, 1, 2000));
  const std::size_t rounds = argument(argc, argv, 2, 200);
  int exit_code = 0;
  for (const auto& [kind, name] : {std::pair(lifetime::ClaimKind::session, "session"),
                                   std::pair(lifetime::ClaimKind::process, "process"),
                                   std::pair(lifetime::ClaimKind::user, "user")}) {
    auto memory = store::Store::create({.memory = 64U << 20});
    quota::Ledger ledger{quota::Ledger::Options{}};
    auto claimants = lifetime::make_claimants(kind, {});
    if (!memory || !claimants) return 1;
    tree::Tree files({}, **memory, ledger, **claimants);
    double loose = 1e18;
    double claimed = 1e18;
    for (std::size_t i = 0; i < rounds; ++i) {
      loose = std::min(loose, round_of(files, names, 0));
      claimed = std::min(claimed, round_of(files, names, O_EXCL));
    }
    fmt::print("claim={}: loose {:.0f} ns, claimed {:.0f} ns, {:.0f} ns more\n", name, loose,
               claimed, claimed - loose);
    if (claimed - loose > kAllowedNanoseconds) exit_code = 1;
  }
  return exit_code;
}
