// Two worlds side by side, and how a run that fails is shortened.
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
  std::size_t operation = 0;  // after which of them it was seen
  std::string model;
  std::string scratchfs;
};

// Carries out each operation in both; nullopt: they agreed to the end. Looks at everything now and
// then.
std::optional<Difference> compare_worlds(const std::vector<Operation>& operations, World& model,
                                         World& scratchfs);

// A shorter list that still fails: none of its halves, quarters, ... single operations can be left
// out any more, or `patience` is over.
using Fails = std::function<bool(const std::vector<Operation>&)>;
std::vector<Operation> shrink(std::vector<Operation> operations, const Fails& fails,
                              std::chrono::seconds patience);

}  // namespace scratchfs::harness
