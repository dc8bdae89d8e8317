#include "tests/bench/catalog.h"

#include <algorithm>

namespace scratchfs::bench {

namespace {

std::vector<Work> collect() {
  std::vector<Work> all;
  for (const auto& works :
       {call_works(), name_works(), stream_works(), mapped_works(), random_works(), scaling_works(),
        job_works(), spill_works(), small_file_works()}) {
    all.insert(all.end(), works.begin(), works.end());
  }
  return all;
}

}  // namespace

const std::vector<Work>& catalog() {
  static const std::vector<Work> all = collect();
  return all;
}

bool answers_to(const Work& work, std::string_view name) {
  return work.name == name || work.group == name ||
         std::ranges::any_of(work.figures,
                             [name](const Figure& figure) { return figure.name == name; });
}

std::string_view name_of(Unit unit) {
  switch (unit) {
    case Unit::microseconds:
      return "us";
    case Unit::milliseconds:
      return "ms";
    case Unit::seconds:
      return "s";
    case Unit::gigabytes_per_second:
      return "GB/s";
    case Unit::thousands_per_second:
      return "k/s";
    case Unit::mebibytes:
      return "MiB";
  }
  return "";
}

bool more_is_better(Unit unit) {
  return unit == Unit::gigabytes_per_second || unit == Unit::thousands_per_second;
}

std::string Place::operator/(std::string_view name) const {
  return directory + "/" + std::string(name);
}

}  // namespace scratchfs::bench
