// Random operations on contents that spill all the time, checked against a plain array of bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <set>

#include "fs/base/os_file.h"
#include "fs/content/ranges.h"
#include "fs/content/small_bytes.h"
#include "tests/unit/base/soon.h"
#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

constexpr std::uint64_t kMostBytes = 4 * kMiB;  // size limit of a file

// The expected state of a content: its bytes, the pages that exist, those that were written to, and
// the room allocated for small contents.
class Model {
 public:
  Bytes bytes;
  std::set<std::uint64_t> pages;
  std::set<std::uint64_t> written;
  std::size_t room = 0;

  std::uint64_t allocated() const { return room > 0 ? room : pages.size() * kPage; }

  void write(const Bytes& from, std::uint64_t offset) {
    if (from.empty()) return;
    const std::uint64_t end = offset + from.size();
    if (pages.empty() && end <= kSmallMost) {
      room = std::max(room, small_room(end));
    } else {
      make_pages(offset, end);
      add(written, offset, end);
    }
    if (end > bytes.size()) bytes.resize(end);
    std::copy(from.begin(), from.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  void truncate(std::uint64_t size) {
    if (size <= bytes.size()) {
      room = std::min(room, small_room(std::min<std::size_t>(size, kSmallMost)));
      erase((size + kPage - 1) / kPage, UINT64_MAX);
    }
    bytes.resize(size);
  }
  void clear(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t end = std::min<std::uint64_t>(offset + length, bytes.size());
    for (std::uint64_t at = offset; at < end; ++at) bytes[at] = std::byte{0};
  }
  void punch(std::uint64_t offset, std::uint64_t length) {
    clear(offset, length);
    const std::uint64_t first = (offset + kPage - 1) / kPage;
    const std::uint64_t last = (offset + length) / kPage;
    if (first >= last) return;
    if (first == 0) room = 0;
    erase(first, last);
  }
  void allocate(std::uint64_t offset, std::uint64_t length, bool keep_size) {
    make_pages(offset, offset + length);
    if (!keep_size) extend(offset + length);
  }
  void extend(std::uint64_t size) {
    if (size > bytes.size()) bytes.resize(size);
  }
  bool data_at(std::uint64_t page) const { return room > 0 ? page == 0 : written.contains(page); }
  // Returns the first offset in [offset, size) in a page that was written to or, if `data` is
  // false, was not.
  std::optional<std::uint64_t> seek(std::uint64_t offset, bool data) const {
    for (std::uint64_t at = offset; at < bytes.size(); at = (at / kPage + 1) * kPage) {
      if (data_at(at / kPage) == data) return at;
    }
    return std::nullopt;
  }
  // Small contents may be moved to a page earlier than necessary, when memory is short.
  void become_blocks() { make_pages(0, 0); }

 private:
  void make_pages(std::uint64_t begin, std::uint64_t end) {
    if (room > 0) pages.insert(0);
    if (room > 0) written.insert(0);
    room = 0;
    add(pages, begin, end);
  }
  static void add(std::set<std::uint64_t>& to, std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t page = begin / kPage; page * kPage < end; ++page) to.insert(page);
  }
  void erase(std::uint64_t first, std::uint64_t last) {
    for (auto* const set : {&pages, &written})
      set->erase(set->lower_bound(first), set->lower_bound(last));
  }
};

void model_copy(const Model& from, std::uint64_t from_offset, Model& to, std::uint64_t to_offset,
                std::uint64_t length) {
  const std::uint64_t end = std::min<std::uint64_t>(from_offset + length, from.bytes.size());
  for (std::uint64_t at = from_offset; at < end;) {
    const std::uint64_t there = to_offset + (at - from_offset);
    const bool data = from.data_at(at / kPage);
    const std::uint64_t run_end = std::min(from.seek(at, !data).value_or(end), end);
    if (data) {
      const Piece piece = first_piece(there, run_end - at);
      const auto begin = from.bytes.begin() + static_cast<std::ptrdiff_t>(at);
      to.write(Bytes(begin, begin + static_cast<std::ptrdiff_t>(piece.size())), there);
      at += piece.size();
    } else {
      to.clear(there, run_end - at);
      to.extend(there + (run_end - at));
      at = run_end;
    }
  }
}

class ModelTest : public ::testing::TestWithParam<unsigned> {
 protected:
  static constexpr std::size_t kFiles = 4;

  void SetUp() override {
    auto directory = base::open_directory("/var/tmp");
    ASSERT_TRUE(directory);
    directory_ = std::move(*directory);
    auto store = store::Store::create(
        {.memory = store::kMinBudget, .spill = 128 * kMiB, .spill_directory = directory_.get()});
    ASSERT_TRUE(store);
    store_ = std::move(*store);
    for (std::size_t i = 0; i < kFiles; ++i) {
      charges_.push_back(std::make_unique<quota::Charge>(ledger_, ledger_.account(kOwner)));
      contents_.push_back(std::make_unique<Content>(*store_, *charges_.back()));
    }
    models_.resize(kFiles);
    filler_ = std::make_unique<Content>(*store_, filler_charge_);
    random_.seed(GetParam());
  }

  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  // Picks offsets and lengths near the boundaries of pages, blocks and small sizes, and random
  // ones.
  std::uint64_t pick_near(std::uint64_t below) {
    static constexpr std::uint64_t kUnits[] = {1, kSmallUnit, kPage, kBlockSize, 256 * kKiB};
    const std::uint64_t unit = kUnits[pick(std::size(kUnits))];
    const std::uint64_t value = pick(below / unit + 1) * unit + pick(3);
    return pick(4) == 0 ? pick(std::min<std::uint64_t>(below, 5000)) : std::min(value, below - 1);
  }

  void one_change(std::size_t index) {
    Content& content = *contents_[index];
    Model& model = models_[index];
    const std::uint64_t offset = pick_near(kMostBytes - 600 * kKiB);
    const std::uint64_t length = 1 + pick_near(pick(2) == 0 ? 5000 : 512 * kKiB);
    const bool keep_size = pick(2) == 0;
    switch (pick(12)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const Bytes bytes = pattern(length, static_cast<unsigned>(random_()));
        const auto written = as_handled([&](Wait w) { return content.write(bytes, offset, w); });
        ASSERT_TRUE(written);
        ASSERT_EQ(*written, length);
        model.write(bytes, offset);
        break;
      }
      case 4: {
        if (model.bytes.size() + length > kMostBytes) break;
        const Bytes bytes = pattern(length, static_cast<unsigned>(random_()));
        const auto appended =
            as_handled([&](Wait w) { return content.write(bytes, model.bytes.size(), w); });
        ASSERT_TRUE(appended);
        ASSERT_EQ(*appended, length);
        model.write(bytes, model.bytes.size());
        break;
      }
      case 5:
      case 6: {
        const std::uint64_t size = pick(5) == 0 ? 0 : offset;
        ASSERT_TRUE(as_handled([&](Wait w) { return content.truncate(size, w); }));
        model.truncate(size);
        break;
      }
      case 7:
      case 8:
        ASSERT_TRUE(as_handled([&](Wait w) { return content.punch(offset, length, w); }));
        model.punch(offset, length);
        break;
      case 9:
        ASSERT_TRUE(
            as_handled([&](Wait w) { return content.allocate(offset, length, keep_size, w); }));
        model.allocate(offset, length, keep_size);
        break;
      case 10:
        ASSERT_TRUE(as_handled([&](Wait w) { return content.zero(offset, length, keep_size, w); }));
        model.allocate(offset, length, keep_size);
        model.clear(offset, length);
        break;
      default:
        copy(index, pick(kFiles), offset, pick_near(kMostBytes - 600 * kKiB), length);
    }
  }

  void copy(std::size_t from, std::size_t to, std::uint64_t from_offset, std::uint64_t to_offset,
            std::uint64_t length) {
    const std::uint64_t size = models_[from].bytes.size();
    const std::uint64_t there = from_offset < size ? std::min(length, size - from_offset) : 0;
    if (from == to && there > 0 && overlap(from_offset, to_offset, there)) return;
    const auto copied = as_handled([&](Wait w) {
      return Content::copy(*contents_[from], from_offset, *contents_[to], to_offset, length, w);
    });
    ASSERT_TRUE(copied);
    ASSERT_EQ(*copied, there);
    if (from == to) {
      const Model source = models_[from];
      model_copy(source, from_offset, models_[to], to_offset, length);
    } else {
      model_copy(models_[from], from_offset, models_[to], to_offset, length);
    }
    check_shape(to);
  }

  // Makes another file take up the memory.
  void press(int round) {
    const Bytes bytes = pattern(kMiB, static_cast<unsigned>(round));
    for (std::uint64_t i = 0; i < 4; ++i) {
      const auto written =
          filler_->write(bytes, (static_cast<unsigned>(round) + i) % 16 * kMiB, Wait::yes);
      ASSERT_TRUE(written);
      ASSERT_EQ(*written, bytes.size());
    }
  }

  void check_shape(std::size_t index) {
    const Content& content = *contents_[index];
    Model& model = models_[index];
    ASSERT_EQ(content.size(), model.bytes.size());
    if (model.room > 0 && content.allocated() == kPage) model.become_blocks();
    ASSERT_EQ(content.allocated(), model.allocated());
    ASSERT_EQ(charges_[index]->usage().bytes, model.allocated());
    const std::uint64_t offset = pick_near(kMostBytes);
    for (const bool data : {true, false}) {
      const auto found = data ? content.seek_data(offset) : content.seek_hole(offset);
      std::optional<std::uint64_t> expected = model.seek(offset, data);
      if (!data && !expected && offset < model.bytes.size()) expected = model.bytes.size();
      ASSERT_EQ(static_cast<bool>(found), expected.has_value());
      if (expected) {
        ASSERT_EQ(*found, *expected);
      }
    }
  }

  void check_bytes(std::size_t index, std::uint64_t offset, std::uint64_t length) {
    Bytes read(length, std::byte{0xee});
    const auto count =
        as_handled([&](Wait wait) { return contents_[index]->read(read, offset, wait); });
    ASSERT_TRUE(count);
    const Bytes& expected = models_[index].bytes;
    const std::uint64_t there =
        offset < expected.size() ? std::min<std::uint64_t>(length, expected.size() - offset) : 0;
    ASSERT_EQ(*count, there);
    if (there > 0) {
      const auto begin = expected.begin() + static_cast<std::ptrdiff_t>(offset);
      ASSERT_TRUE(
          std::equal(read.begin(), read.begin() + static_cast<std::ptrdiff_t>(there), begin));
    }
    // The buffer behind what was read is not touched.
    for (std::uint64_t at = there; at < length; ++at) ASSERT_EQ(read[at], std::byte{0xee});
  }

  std::unique_ptr<base::OsDirectory> directory_;
  quota::Ledger ledger_{quota::Ledger::Options{}};
  std::unique_ptr<store::Store> store_;
  std::vector<std::unique_ptr<quota::Charge>> charges_;
  std::vector<std::unique_ptr<Content>> contents_;
  quota::Charge filler_charge_{ledger_, ledger_.account(0)};
  std::unique_ptr<Content> filler_;
  std::vector<Model> models_;
  std::minstd_rand random_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, ::testing::Range(1U, 5U));

TEST_P(ModelTest, IsWhatAnArrayOfBytesIs) {
  constexpr int kRounds = 1500;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    if (round % 25 == 0) {
      ASSERT_NO_FATAL_FAILURE(press(round));
    }
    const std::size_t index = pick(kFiles);
    ASSERT_NO_FATAL_FAILURE(one_change(index));
    ASSERT_NO_FATAL_FAILURE(check_shape(index));
    ASSERT_NO_FATAL_FAILURE(check_bytes(pick(kFiles), pick_near(kMostBytes), 1 + pick(100'000)));
    if (round % 100 == 0 || round == kRounds - 1) {
      for (std::size_t i = 0; i < kFiles; ++i) {
        ASSERT_NO_FATAL_FAILURE(check_bytes(i, 0, models_[i].bytes.size() + 1));
      }
    }
  }
  EXPECT_GT(store_->stats().blocks_fetched, 100U);  // otherwise nothing but memory was tested
  contents_.clear();
  filler_.reset();
  EXPECT_EQ(ledger_.total().bytes, 0U);
  // A block that is being written to the disk is freed only after the write.
  const auto in_use = [this] { return store_->stats().memory_used + store_->stats().spilled; };
  EXPECT_TRUE(soon([&] { return in_use() == 0; }, std::chrono::seconds(30))) << in_use();
}

}  // namespace
}  // namespace scratchfs::content
