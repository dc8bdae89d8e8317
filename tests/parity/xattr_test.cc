// Extended attributes and ACLs.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

void note_value(Place& at, const char* path, const char* name) {
  std::string value(70000, '\0');
  const ssize_t got = lgetxattr(path, name, value.data(), value.size());
  if (got < 0) {
    at.call(name, got);
  } else {
    at.bytes(name, std::string_view(value).substr(0, static_cast<std::size_t>(got)));
  }
}

// Notes the names that the test has set, without those added by a security module or by the file
// system itself.
void note_names(Place& at, std::string_view what, const char* path) {
  std::string names(70000, '\0');
  const ssize_t got = llistxattr(path, names.data(), names.size());
  if (got < 0) {
    at.call(what, got);
    return;
  }
  std::vector<std::string> sorted;
  for (const char* name = names.data(); name < names.data() + got;
       name += std::string_view(name).size() + 1) {
    if (!std::string_view(name).starts_with("system.scratchfs")) {
      sorted.emplace_back(name);
    }
  }
  std::sort(sorted.begin(), sorted.end());
  std::string text;
  for (const std::string& name : sorted) {
    text += " " + name;
  }
  at.note(what, text);
}

int set(const char* path, const char* name, std::string_view value, int flags = 0) {
  return lsetxattr(path, name, value.data(), value.size(), flags);
}

PARITY(ParityXattr, SetGetListRemove) {
  make_file(at / "f", "");
  note_names(at, "none yet", at / "f");
  for (const char* name : {"user.one", "user.two", "trusted.three", "security.four"}) {
    at.call("set", set(at / "f", name, name));
    note_value(at, at / "f", name);
  }
  note_names(at, "four", at / "f");
  at.call("replace", set(at / "f", "user.one", "another value"));
  note_value(at, at / "f", "user.one");
  at.call("remove", removexattr(at / "f", "user.one"));
  at.call("remove again", removexattr(at / "f", "user.one"));
  note_value(at, at / "f", "user.one");
  note_names(at, "three", at / "f");
}

PARITY(ParityXattr, ValuesOfAnyBytes) {
  make_file(at / "f", "");
  at.call("empty", set(at / "f", "user.empty", ""));
  note_value(at, at / "f", "user.empty");
  at.call("zeros", set(at / "f", "user.zeros", std::string(100, '\0')));
  note_value(at, at / "f", "user.zeros");
  at.call("4 KiB", set(at / "f", "user.page", random_bytes(4096, 1)));
  note_value(at, at / "f", "user.page");
}

PARITY(ParityXattr, CreateAndReplaceAskWhatIsThere) {
  make_file(at / "f", "");
  at.call("replace nothing", set(at / "f", "user.x", "1", XATTR_REPLACE));
  at.call("create", set(at / "f", "user.x", "1", XATTR_CREATE));
  at.call("create again", set(at / "f", "user.x", "2", XATTR_CREATE));
  note_value(at, at / "f", "user.x");
  at.call("replace", set(at / "f", "user.x", "3", XATTR_REPLACE));
  note_value(at, at / "f", "user.x");
  at.call("both", set(at / "f", "user.x", "4", XATTR_CREATE | XATTR_REPLACE));
  at.call("unknown flag", set(at / "f", "user.x", "4", 0x100));
}

PARITY(ParityXattr, BuffersTellTheSizeOrAreTooSmall) {
  make_file(at / "f", "");
  set(at / "f", "user.x", "0123456789");
  char small[4];
  at.call("size of the value", getxattr(at / "f", "user.x", nullptr, 0));
  at.call("too small for the value", getxattr(at / "f", "user.x", small, sizeof(small)));
  at.call("too small for the names", listxattr(at / "f", small, sizeof(small)));
  at.call("no value", getxattr(at / "f", "user.y", small, sizeof(small)));
  char exact[10];
  at.call("just large enough", getxattr(at / "f", "user.x", exact, sizeof(exact)));
}

PARITY(ParityXattr, NamesAndValuesThatAreTooLong) {
  make_file(at / "f", "");
  const std::string longest = "user." + std::string(250, 'n');
  at.call("255 bytes", set(at / "f", longest.c_str(), "x"));
  at.call("256 bytes", set(at / "f", (longest + "n").c_str(), "x"));
  at.call("get 256 bytes", getxattr(at / "f", (longest + "n").c_str(), nullptr, 0));
  at.call("an empty name", set(at / "f", "", "x"));
  at.call("a prefix alone", set(at / "f", "user.", "x"));
  at.call("no such prefix", set(at / "f", "nobody.x", "x"));
  at.call("get no such prefix", getxattr(at / "f", "nobody.x", nullptr, 0));
  at.call("remove no such prefix", removexattr(at / "f", "nobody.x"));
  at.call("remove a prefix alone", removexattr(at / "f", "user."));
  at.call("a value of 64 KiB + 1", set(at / "f", "user.large", std::string(65537, 'x')));
  note_names(at, "names", at / "f");
}

PARITY(ParityXattr, OnEveryKindOfFile) {
  mkdir(at / "d", 0755);
  symlink("d", at / "link");
  mkfifo(at / "pipe", 0644);
  for (const char* name : {"d", "link", "pipe"}) {
    at.call(std::string("user. on ") + name, set(at / name, "user.x", "1"));
    at.call(std::string("trusted. on ") + name, set(at / name, "trusted.x", "1"));
    note_value(at, at / name, "user.x");
    note_value(at, at / name, "trusted.x");
    note_names(at, name, at / name);
  }
  at.call("through the link", setxattr(at / "link", "user.y", "1", 1, 0));
  note_value(at, at / "d", "user.y");
}

PARITY(ParityXattr, AsksWhoMay) {
  make_file(at / "f", "", 0644);
  set(at / "f", "user.x", "1");
  set(at / "f", "trusted.x", "1");
  make_file(at / "secret", "", 0600);
  set(at / "secret", "user.x", "1");
  at.as(as_user(kAlice), [&] {
    note_value(at, at / "f", "user.x");
    note_value(at, at / "f", "trusted.x");
    note_value(at, at / "secret", "user.x");
    at.call("set user. of another's", set(at / "f", "user.x", "2"));
    at.call("remove user. of another's", removexattr(at / "f", "user.x"));
    make_file(at / "own", "");
    at.call("set user. of one's own", set(at / "own", "user.x", "2"));
    at.call("set trusted.", set(at / "own", "trusted.x", "2"));
    note_names(at, "what a user may see", at / "f");
    at.call("user. on a sticky directory of another", set(at.root(), "user.x", "1"));
  });
}

PARITY(ParityXattr, StayWithTheFile) {
  make_file(at / "f", "");
  set(at / "f", "user.x", "kept");
  rename(at / "f", at / "g");
  link(at / "g", at / "h");
  note_value(at, at / "h", "user.x");
  const Fd file(open(at / "g", O_RDWR));
  unlink(at / "g");
  unlink(at / "h");
  at.call("fgetxattr of an unlinked file", fgetxattr(file.get(), "user.x", nullptr, 0));
  at.call("fsetxattr", fsetxattr(file.get(), "user.y", "1", 1, 0));
  at.call("fremovexattr", fremovexattr(file.get(), "user.x"));
}

PARITY(ParityXattr, SettingMovesCtime) {
  make_file(at / "f", "");
  at.moved("set", at / "f", [&] { set(at / "f", "user.x", "1"); });
  at.moved("get", at / "f", [&] { getxattr(at / "f", "user.x", nullptr, 0); });
  at.moved("remove", at / "f", [&] { removexattr(at / "f", "user.x"); });
}

}  // namespace
}  // namespace scratchfs::harness
