// What every test that mounts needs of the machine.
#pragma once

namespace scratchfs::harness {

// Set up once per process by GoogleTest: the keeper, a time limit for each test, and two settings
// of the machine (FUSE over io_uring is on, /dev/fuse is everybody's), put back at the end unless
// other tests still run. Without root, /dev/fuse or the program each test fails. Calling this links
// it in.
void ensure_environment();

// For the running test, which takes longer than others: so many seconds from now, adjusted by
// slowness().
void allow_seconds(double seconds);

}  // namespace scratchfs::harness
