// Handlers for directories: OPENDIR, READDIR, READDIRPLUS.
#include <span>
#include <string>
#include <utility>

#include "fs/kernel/handlers/call.h"
#include "fs/kernel/handlers/handlers.h"

namespace scratchfs::kernel {

namespace {

constexpr std::size_t kSmallestEntry = 128;  // bytes of an entry of READDIRPLUS, at least

// Collects the entries of one reply with fuse_add_direntry() and fuse_add_direntry_plus().
class ListBuffer {
 public:
  ListBuffer(Request& request, std::size_t size)
      : request_(request), room_(request.reply_buffer(size)) {}

  bool add(const tree::Listed& listed) {
    struct stat stat {};
    stat.st_ino = listed.id;
    stat.st_mode = listed.type;
    return took(fuse_add_direntry(request_.raw(), next(), left(), name(listed), &stat,
                                  static_cast<off_t>(listed.cookie)));
  }
  bool add(const tree::Listed& listed, const fuse_entry_param& entry) {
    return took(fuse_add_direntry_plus(request_.raw(), next(), left(), name(listed), &entry,
                                       static_cast<off_t>(listed.cookie)));
  }
  std::span<const std::byte> entries() const { return room_.first(used_); }

 private:
  char* next() { return reinterpret_cast<char*>(room_.data()) + used_; }
  std::size_t left() const { return room_.size() - used_; }
  const char* name(const tree::Listed& listed) {
    name_ = listed.name;
    return name_.c_str();
  }
  bool took(std::size_t bytes) {
    if (bytes > left()) return false;  // libfuse has written nothing then
    used_ += bytes;
    return true;
  }

  Request& request_;
  const std::span<std::byte> room_;
  std::size_t used_ = 0;
  std::string name_;
};

bool is_dot(std::string_view name) { return name == "." || name == ".."; }

// A READDIRPLUS reply under construction, with the lookups it has counted. If the reply is never
// sent, the kernel never forgets those lookups, so the destructor drops them.
class CountedListing {
 public:
  // `most`: upper bound of the entries.
  CountedListing(tree::Tree& tree, std::size_t most) : tree_(tree) {
    reply_.undo = {.function = take_back_lookup, .object = &tree};
    reply_.looked_up.reserve(most);  // so that no counted lookup is lost to bad_alloc
  }
  ~CountedListing() {
    for (const tree::InodeId inode : reply_.looked_up) tree_.forget(inode, 1);
  }
  CountedListing(const CountedListing&) = delete;
  CountedListing& operator=(const CountedListing&) = delete;

  void count(const tree::InodeRef& inode) {
    tree_.count_lookup(inode);
    reply_.looked_up.push_back(inode->id);
  }
  // Transfers the reply; the caller must send it or drop its lookups.
  DirectoryReply finished(std::span<const std::byte> entries) {
    reply_.entries = entries;
    return std::exchange(reply_, {});
  }

 private:
  tree::Tree& tree_;
  DirectoryReply reply_;
};

// An open directory has no state: a cookie alone says where a listing continues.
void on_opendir(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file) {
  on_existing(raw, Opcode::opendir, inode, ESTALE,
              [asked = *file](const Call&) -> base::Result<OpenedReply> {
                return OpenedReply{.file = asked, .undo = {}};
              });
}

void on_readdir(fuse_req_t raw, fuse_ino_t inode, std::size_t size, off_t offset,
                fuse_file_info* /*file*/) {
  on_existing(raw, Opcode::readdir, inode, ESTALE,
              [size, cookie = static_cast<std::uint64_t>(offset)](
                  const Call& call) -> base::Result<DirectoryReply> {
                ListBuffer buffer(call.request, size);
                const auto listed = call.tree.list(
                    call.inode, cookie, call.caller().uid,
                    [&](const tree::Listed& entry) { return buffer.add(entry); }, call.wait);
                if (!listed) return listed.error();
                DirectoryReply reply;
                reply.entries = buffer.entries();
                return reply;
              });
}

void on_readdirplus(fuse_req_t raw, fuse_ino_t inode, std::size_t size, off_t offset,
                    fuse_file_info* /*file*/) {
  on_existing(raw, Opcode::readdirplus, inode, ESTALE,
              [size, cookie = static_cast<std::uint64_t>(offset)](
                  const Call& call) -> base::Result<DirectoryReply> {
                ListBuffer buffer(call.request, size);
                CountedListing reply(call.tree, size / kSmallestEntry);
                const auto visit = [&](const tree::Listed& listed) {
                  fuse_entry_param entry =
                      to_entry(listed.inode->attributes(), call.tree.may_vanish(*listed.inode));
                  if (is_dot(listed.name))
                    entry.ino = 0;  // the kernel counts no lookup for these two
                  if (!buffer.add(listed, entry)) return false;
                  if (entry.ino != 0) reply.count(listed.inode);
                  return true;
                };
                const auto listed =
                    call.tree.list(call.inode, cookie, call.caller().uid, visit, call.wait);
                if (!listed) return listed.error();
                return reply.finished(buffer.entries());
              });
}

}  // namespace

void add_directory_handlers(fuse_lowlevel_ops& operations) {
  operations.opendir = on_opendir;
  operations.readdir = on_readdir;
  operations.readdirplus = on_readdirplus;
}

}  // namespace scratchfs::kernel
