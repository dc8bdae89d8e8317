// What every test that mounts needs of the machine.
#pragma once

namespace scratchfs::harness {

// Set up once per process by GoogleTest: root, /dev/fuse, the keeper, the kernel's switch for FUSE
// over io_uring (put back at the end, unless other tests still run), and a time limit for each
// test. Where something is missing, each fails. Calling this links it in.
void ensure_environment();

// For the running test, which takes longer than others: so many seconds from now, adjusted by
// slowness().
void allow_seconds(double seconds);

}  // namespace scratchfs::harness
