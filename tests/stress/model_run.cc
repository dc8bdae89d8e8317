#include "tests/stress/model_run.h"

#include <algorithm>

namespace scratchfs::harness {

namespace {

constexpr std::size_t kSurveyEvery = 100;
constexpr long kPageBlocks = 8;  // st_blocks of one page

// A file of less than a page takes less than a page in scratchfs, and a whole page on tmpfs.
bool same_blocks(long model, long scratchfs) {
  if (model > kPageBlocks) return model == scratchfs;
  // A file that may have data in the page cache alone counts one unit (docs/transport.md).
  if (model == 0) return scratchfs <= 1;
  return scratchfs > 0 && scratchfs <= kPageBlocks;
}

// A file whose holes the page cache has read answers that all of it is data, as lseek(2) allows: a
// program may have stored there through a mapping.
bool same_result(const Operation& operation, const std::string& expected, const std::string& seen,
                 const World& scratchfs) {
  if (expected == seen) return true;
  if (operation.act != Act::seek) return false;
  const bool for_data = operation.value % 2 == 0;
  const off_t all_is_data =
      for_data ? static_cast<off_t>(operation.offset) : scratchfs.size(operation.slot);
  return seen == std::to_string(all_is_data);
}

}  // namespace

std::optional<Difference> compare_worlds(const std::vector<Operation>& operations, World& model,
                                         World& scratchfs) {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    std::string expected = model.perform(operations[i]);
    std::string seen = scratchfs.perform(operations[i]);
    if (!same_result(operations[i], expected, seen, scratchfs))
      return Difference{i, expected, seen};
    const unsigned slot = operations[i].slot;
    if (model.comparable_blocks(slot) && !same_blocks(model.blocks(slot), scratchfs.blocks(slot))) {
      return Difference{i, "st_blocks " + std::to_string(model.blocks(slot)),
                        "st_blocks " + std::to_string(scratchfs.blocks(slot))};
    }
    if (i % kSurveyEvery != kSurveyEvery - 1 && i + 1 != operations.size()) continue;
    expected = model.survey();
    seen = scratchfs.survey();
    if (expected != seen) return Difference{i, expected, seen};
  }
  return std::nullopt;
}

std::vector<Operation> shrink(std::vector<Operation> operations, const Fails& fails,
                              std::chrono::seconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  for (std::size_t piece = operations.size() / 2; piece > 0;) {
    bool shorter = false;
    for (std::size_t at = 0; at < operations.size();) {
      if (std::chrono::steady_clock::now() > end) return operations;
      std::vector<Operation> without = operations;
      const auto begin = without.begin() + static_cast<std::ptrdiff_t>(at);
      const std::size_t length = std::min(piece, operations.size() - at);
      without.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
      if (fails(without)) {
        operations = std::move(without);
        shorter = true;
      } else {
        at += piece;
      }
    }
    // An operation that had to stay before may be left out once another one is gone.
    if (!shorter || piece > 1) piece /= 2;
  }
  return operations;
}

}  // namespace scratchfs::harness
