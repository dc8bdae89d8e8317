// Compares two worlds operation by operation, and shrinks a run that fails.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/stress/model_operation.h"
#include "tests/stress/model_world.h"

namespace scratchfs::harness {

struct Difference {
  std::size_t operation = 0;  // index of the operation after which it was seen
  std::string model;
  std::string scratchfs;
};

// Performs each operation in both worlds and surveys them at intervals. Returns nullopt if they
// agree to the end.
std::optional<Difference> compare_worlds(const std::vector<Operation>& operations, World& model,
                                         World& scratchfs);

// Returns a shorter list that still fails. It ends when no half, quarter, ... or single operation
// can be left out any more, or when `patience` is over.
using Fails = std::function<bool(const std::vector<Operation>&)>;
std::vector<Operation> shrink(std::vector<Operation> operations, const Fails& fails,
                              std::chrono::seconds patience);

}  // namespace scratchfs::harness
