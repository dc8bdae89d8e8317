// The machine setup that every mounting test needs.
#pragma once

namespace scratchfs::harness {

// Links in the test environment that GoogleTest sets up once per process: the keeper, a time limit
// per test, and two machine settings (FUSE over io_uring enabled, /dev/fuse open to everybody),
// which are restored at the end unless other test processes still run. Every test fails if root,
// /dev/fuse or the program is missing.
void ensure_environment();

// Gives the running test a longer time limit, in seconds from now, adjusted by slowness().
void allow_seconds(double seconds);

}  // namespace scratchfs::harness
