"""What the kernel offers a FUSE file system: it says so in its INIT request, which this mounts for and reads."""
import ctypes
import os
import struct
import tempfile

# Bits of fuse_init_in.flags, and from 32 on of flags2 (include/uapi/linux/fuse.h): those that scratchfs or its docs
# care about.
_BITS = {
    "ASYNC_READ": 0, "ATOMIC_O_TRUNC": 3, "DONT_MASK": 6, "READDIRPLUS": 13, "READDIRPLUS_AUTO": 14,
    "PARALLEL_DIROPS": 18, "CACHE_SYMLINKS": 23, "EXPLICIT_INVAL_DATA": 25, "HANDLE_KILLPRIV_V2": 28,
    "HAS_EXPIRE_ONLY": 35, "DIRECT_IO_ALLOW_MMAP": 36, "PASSTHROUGH": 37, "HAS_RESEND": 39, "ALLOW_IDMAP": 40,
    "OVER_IO_URING": 41,
}
_HEADER = 40  # struct fuse_in_header


def offered():
    """The protocol's version, and the names of the offered capabilities."""
    libc = ctypes.CDLL(None, use_errno=True)
    with tempfile.TemporaryDirectory() as place:
        device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
        if libc.mount(b"offered", place.encode(), b"fuse", 0, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")
        try:
            request = os.read(device, 1 << 17)
        finally:
            os.close(device)
            libc.umount2(place.encode(), 2)
    major, minor, _, flags, flags2 = struct.unpack_from("=5I", request, _HEADER)
    bits = flags | flags2 << 32
    return f"{major}.{minor}", [name for name, bit in _BITS.items() if bits >> bit & 1]
