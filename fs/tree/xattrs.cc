#include "fs/tree/xattrs.h"

#include <utility>

namespace scratchfs::tree {

namespace {

std::size_t bytes_of(std::string_view name, std::string_view value) {
  return name.size() + value.size() + kXattrOverhead;
}

}  // namespace

const std::string* Xattrs::find(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? nullptr : &at->second;
}

std::uint64_t Xattrs::charged() const { return in_units(bytes_); }

base::Result<std::uint64_t> Xattrs::check_set(std::string_view name, std::string_view value,
                                              XattrSet how) const {
  const std::string* old = find(name);
  const bool both = how == XattrSet::create_and_replace;
  if ((both || how == XattrSet::create) && old != nullptr) return base::Errno(EEXIST);
  if ((both || how == XattrSet::replace) && old == nullptr) return base::Errno(ENODATA);
  if (name.empty() || name.size() > kMaxXattrName) return base::Errno(ERANGE);
  if (value.size() > kMaxXattrValue) return base::Errno(E2BIG);
  const std::size_t after =
      bytes_ - (old != nullptr ? bytes_of(name, *old) : 0) + bytes_of(name, value);
  if (after > kMaxXattrBytes) return base::Errno(ENOSPC);
  return in_units(after);
}

void Xattrs::set(std::string_view name, std::string_view value) {
  std::string copy(value);  // first, because nothing may throw once a replacement has begun
  const auto at = values_.find(name);
  if (at == values_.end()) {
    values_.emplace(name, std::move(copy));
  } else {
    bytes_ -= bytes_of(at->first, at->second);
    at->second = std::move(copy);
  }
  bytes_ += bytes_of(name, value);
}

bool Xattrs::remove(std::string_view name) {
  const auto at = values_.find(name);
  if (at == values_.end()) return false;
  bytes_ -= bytes_of(at->first, at->second);
  values_.erase(at);
  return true;
}

void Xattrs::clear() {
  values_.clear();
  bytes_ = 0;
}

std::string Xattrs::list() const {
  std::string names;
  for (const auto& [name, value] : values_) {
    names += name;
    names += '\0';
  }
  return names;
}

}  // namespace scratchfs::tree
