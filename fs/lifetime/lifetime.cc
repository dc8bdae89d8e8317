#include "fs/lifetime/lifetime.h"

namespace scratchfs::lifetime {

bool is_held(LifetimeMode mode, const LifetimeFacts& facts) {
  switch (mode) {
    case LifetimeMode::mount:
      return true;
    case LifetimeMode::strict:
      return !facts.regular || facts.handles > 0 || facts.kept;
    case LifetimeMode::claimed:
      break;
  }
  return facts.handles > 0 || facts.kept || facts.claimed || facts.bound || facts.in_held_directory;
}

bool close_can_delete(LifetimeMode mode, const LifetimeFacts& facts) {
  if (!facts.regular) return false;
  LifetimeFacts after_close = facts;
  after_close.handles = 0;
  return !is_held(mode, after_close);
}

}  // namespace scratchfs::lifetime
