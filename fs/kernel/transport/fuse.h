// Includes libfuse's low-level API at the version this folder is written for.
#pragma once

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 18)
#include <fuse_lowlevel.h>

// Before 3.19 libfuse needs its rings wrapped (ring_wrap.h); newer versions neither need nor allow
// it.
#define SCRATCHFS_WRAPS_RINGS (FUSE_VERSION < FUSE_MAKE_VERSION(3, 19))
