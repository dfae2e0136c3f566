#include "pool/net/buffer.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"

namespace holdfast::pool {
namespace {

constexpr size_t kCapacity = SlabPool::kSlabCapacity;

std::string Contents(const Buffer& buffer) {
  iovec pieces[64];
  const int count = buffer.FillIovec(pieces, 64);
  std::string text;
  for (int i = 0; i < count; ++i) {
    EXPECT_GT(pieces[i].iov_len, 0u);
    text.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return text;
}

// Fills the buffer through PrepareWritev as a socket read would.
void WriteThrough(Buffer& buffer, std::string_view bytes, size_t room) {
  iovec pieces[16];
  const int count = buffer.PrepareWritev(room, pieces, 16);
  size_t done = 0;
  for (int i = 0; i < count && done < bytes.size(); ++i) {
    const size_t take = std::min(pieces[i].iov_len, bytes.size() - done);
    std::memcpy(pieces[i].iov_base, bytes.data() + done, take);
    done += take;
  }
  ASSERT_EQ(done, bytes.size());
  buffer.CommitWrite(done);
}

const char* FrontData(const Buffer& buffer) { return buffer.Front().data(); }

TEST(SlabPool, KeepsGivenSlabsUpToItsBound) {
  SlabPool pool(2);
  std::vector<Slab*> slabs;
  for (int i = 0; i < 4; ++i) slabs.push_back(pool.Take());
  EXPECT_EQ(pool.in_use(), 4u);
  for (Slab* slab : slabs) pool.Give(slab);
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.free_count(), 2u);
}

TEST(SlabPool, AReusedSlabIsEmpty) {
  SlabPool pool;
  Slab* slab = pool.Take();
  slab->begin = 5;
  slab->end = 10;
  slab->capacity = 10;
  slab->next = slab;
  pool.Give(slab);
  ASSERT_EQ(pool.Take(), slab);
  EXPECT_EQ(slab->next, nullptr);
  EXPECT_EQ(slab->size(), 0u);
  EXPECT_EQ(slab->room(), kCapacity);
  pool.Give(slab);
}

TEST(SlabPool, LargerSlabsAreNotKept) {
  SlabPool pool;
  Slab* slab = pool.TakeAtLeast(kCapacity + 1);
  EXPECT_GE(slab->room(), kCapacity + 1);
  EXPECT_EQ(pool.in_use(), 1u);
  pool.Give(slab);
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(pool.free_count(), 0u);
}

TEST(SlabPool, TrimFreesWhatNobodyHasNeeded) {
  SlabPool pool;
  std::vector<Slab*> slabs;
  for (int i = 0; i < 10; ++i) slabs.push_back(pool.Take());
  for (Slab* slab : slabs) pool.Give(slab);
  pool.Trim(3);
  EXPECT_EQ(pool.free_count(), 10u) << "all were needed a moment ago";
  pool.Give(pool.Take());
  EXPECT_EQ(pool.held_bytes(), 10 * SlabPool::kSlabBytes);
  pool.Trim(3);
  EXPECT_EQ(pool.free_count(), 3u);
  EXPECT_EQ(pool.freed_bytes(), 7 * SlabPool::kSlabBytes);
  EXPECT_EQ(pool.held_bytes(), 3 * SlabPool::kSlabBytes);
}

TEST(SlabPool, ATightSlabIsOfTheNextPowerOfTwo) {
  SlabPool pool;
  for (const size_t bytes : {size_t{1}, size_t{30}, size_t{100}, size_t{1500}, size_t{5000}}) {
    Slab* const slab = pool.TakeTight(bytes);
    ASSERT_NE(slab, nullptr);
    EXPECT_GE(slab->room(), bytes);
    EXPECT_LT(slab->room() + sizeof(Slab),
              std::max(2 * (bytes + sizeof(Slab)), SlabPool::kMinTightBytes + 1));
    pool.Give(slab);
  }
  EXPECT_EQ(pool.free_count(), 0u) << "none is kept";
  EXPECT_EQ(pool.TakeTight(kCapacity / 2), nullptr) << "nothing to be gained";
}

TEST(SlabPool, GivenSlabsArePoisonedUnderAddressSanitizer) {
#if !defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "only AddressSanitizer keeps count of what may be touched";
#endif
  SlabPool pool;
  Slab* slab = pool.Take();
  EXPECT_FALSE(__asan_address_is_poisoned(slab->data()));
  pool.Give(slab);
  EXPECT_TRUE(__asan_address_is_poisoned(slab->data()));
  EXPECT_TRUE(__asan_address_is_poisoned(slab->data() + kCapacity - 1));
  ASSERT_EQ(pool.Take(), slab);
  EXPECT_FALSE(__asan_address_is_poisoned(slab->data()));
  pool.Give(slab);
}

TEST(SlabPoolDeathTest, MustOutliveTheSlabsItLent) {
  EXPECT_DEATH(
      {
        SlabPool pool;
        pool.Take();
      },
      "in_use_ == 0");
}

TEST(Buffer, HoldsNoSlabWhileEmpty) {
  SlabPool pool;
  Buffer buffer(&pool);
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_EQ(buffer.Front(), "");
  buffer.Append("hello");
  EXPECT_EQ(pool.in_use(), 1u);
  EXPECT_EQ(buffer.Front(), "hello");
  buffer.Consume(5);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Buffer, IsSmall) { EXPECT_LE(sizeof(Buffer), 16u); }

TEST(Buffer, AppendGoesOnInTheNextSlab) {
  SlabPool pool;
  Buffer buffer(&pool);
  const std::string text = Pattern(3 * kCapacity + 10);
  buffer.Append(text);
  EXPECT_EQ(pool.in_use(), 4u);
  EXPECT_EQ(buffer.size(), text.size());
  EXPECT_EQ(buffer.Front().size(), kCapacity);
  EXPECT_EQ(Contents(buffer), text);
  buffer.Consume(kCapacity);
  EXPECT_EQ(pool.in_use(), 3u);
  EXPECT_EQ(Contents(buffer), text.substr(kCapacity));
}

TEST(Buffer, AppendedBytesDoNotMoveTheFront) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append("first");
  const char* front = FrontData(buffer);
  buffer.Append(Pattern(2 * kCapacity));
  EXPECT_EQ(FrontData(buffer), front);
}

TEST(Buffer, FillIovecStopsAtItsBound) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append(Pattern(3 * kCapacity));
  iovec pieces[2];
  EXPECT_EQ(buffer.FillIovec(pieces, 2), 2);
  EXPECT_EQ(pieces[1].iov_len, kCapacity);
}

TEST(Buffer, CommitOfNothingGivesTheFreshSlabBack) {
  SlabPool pool;
  Buffer buffer(&pool);
  EXPECT_EQ(buffer.PrepareWrite().size(), kCapacity);
  EXPECT_EQ(pool.in_use(), 1u);
  buffer.CommitWrite(0);
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Buffer, PrepareAgainForgetsTheFirst) {
  SlabPool pool;
  Buffer buffer(&pool);
  iovec pieces[8];
  EXPECT_EQ(buffer.PrepareWritev(4 * kCapacity, pieces, 8), 4);
  EXPECT_EQ(buffer.PrepareWrite().size(), kCapacity);
  EXPECT_EQ(pool.in_use(), 1u);
  buffer.CommitWrite(0);
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Buffer, ClearForgetsWhatWasPrepared) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append("x");
  iovec pieces[8];
  buffer.PrepareWritev(4 * kCapacity, pieces, 8);
  buffer.Clear();
  EXPECT_EQ(pool.in_use(), 0u);
  EXPECT_TRUE(buffer.empty());
}

TEST(Buffer, PrepareWriteOfMoreThanTheRestTakesOnePieceElsewhere) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append(Pattern(kCapacity - 10));
  const std::span<char> room = buffer.PrepareWrite(11);
  ASSERT_GE(room.size(), 11u);
  std::memcpy(room.data(), "hello world", 11);
  buffer.CommitWrite(11);
  EXPECT_EQ(Contents(buffer), Pattern(kCapacity - 10) + "hello world");
}

TEST(Buffer, PrepareWriteOfMoreThanASlabIsOnePiece) {
  SlabPool pool;
  Buffer buffer(&pool);
  const std::string text = Pattern(5 * kCapacity);
  const std::span<char> room = buffer.PrepareWrite(text.size());
  ASSERT_GE(room.size(), text.size());
  std::memcpy(room.data(), text.data(), text.size());
  buffer.CommitWrite(text.size());
  EXPECT_EQ(buffer.Front(), text);
}

TEST(Buffer, PrepareWritevUsesTheRestOfTheLastSlabFirst) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append("abc");
  iovec pieces[8];
  EXPECT_EQ(buffer.PrepareWritev(2 * kCapacity, pieces, 8), 2);
  EXPECT_EQ(pieces[0].iov_len, kCapacity - 3);
  EXPECT_EQ(pieces[1].iov_len, kCapacity);
  std::memcpy(pieces[0].iov_base, "def", 3);
  buffer.CommitWrite(3);
  EXPECT_EQ(buffer.Front(), "abcdef");
  EXPECT_EQ(pool.in_use(), 1u);
}

TEST(Buffer, PrepareWritevTakesNoSlabForALittleMore) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append("GET / HTTP/1.1\r\n");
  iovec pieces[8];
  EXPECT_EQ(buffer.PrepareWritev(kCapacity, pieces, 8), 1);
  buffer.CommitWrite(0);
}

TEST(Buffer, PrepareWritevKeepsToItsPieces) {
  SlabPool pool;
  Buffer buffer(&pool);
  iovec pieces[2];
  EXPECT_EQ(buffer.PrepareWritev(100 * kCapacity, pieces, 2), 2);
  buffer.CommitWrite(0);
}

TEST(Buffer, CommitCountsAcrossPieces) {
  SlabPool pool;
  Buffer buffer(&pool);
  const std::string text = Pattern(2 * kCapacity + 100);
  WriteThrough(buffer, text, 4 * kCapacity);
  EXPECT_EQ(pool.in_use(), 3u);
  EXPECT_EQ(Contents(buffer), text);
}

TEST(Buffer, LinearizeWithinOneSlabCopiesNothing) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append("hello world");
  const char* front = FrontData(buffer);
  EXPECT_EQ(buffer.Linearize(5), "hello");
  EXPECT_EQ(buffer.Linearize(5).data(), front);
  EXPECT_EQ(buffer.Linearize(0), "");
}

TEST(Buffer, LinearizePullsIntoTheFirstSlabWhenItFits) {
  SlabPool pool;
  Buffer buffer(&pool);
  const std::string text = Pattern(kCapacity + 500);
  buffer.Append(text);
  buffer.Consume(kCapacity - 100);
  EXPECT_EQ(buffer.Linearize(600), text.substr(kCapacity - 100));
  EXPECT_EQ(pool.in_use(), 1u);
  buffer.Append("more");
  EXPECT_EQ(buffer.Front(), text.substr(kCapacity - 100) + "more");
}

TEST(Buffer, LinearizeLeavesTheRestWhereItIs) {
  SlabPool pool;
  Buffer buffer(&pool);
  const std::string text = Pattern(2 * kCapacity);
  buffer.Append(text);
  buffer.Consume(kCapacity - 100);
  EXPECT_EQ(buffer.Linearize(150), text.substr(kCapacity - 100, 150));
  EXPECT_EQ(Contents(buffer), text.substr(kCapacity - 100));
}

TEST(Buffer, LinearizeOfMoreThanASlabTakesALargerOne) {
  SlabPool pool;
  Buffer buffer(&pool);
  const std::string text = Pattern(3 * kCapacity);
  buffer.Append(text);
  EXPECT_EQ(buffer.Linearize(text.size()), text);
  EXPECT_EQ(pool.in_use(), 1u);
  buffer.Consume(text.size());
  EXPECT_EQ(pool.in_use(), 0u);
}

// A head of 64 KiB that arrives in small pieces and is looked at after each.
TEST(Buffer, LinearizeOfAGrowingHeadMovesItRarely) {
  SlabPool pool;
  Buffer buffer(&pool);
  int moves = 0;
  buffer.Append("x");
  while (buffer.size() < 64 * 1024) {
    const char* before = buffer.Linearize(buffer.size()).data();
    buffer.Append(Pattern(37));
    if (buffer.Linearize(buffer.size()).data() != before) ++moves;
  }
  EXPECT_LE(moves, 3);
}

TEST(Buffer, MoveFromHandsWholeSlabsOver) {
  SlabPool pool;
  Buffer from(&pool), to(&pool);
  const std::string body = Pattern(4 * kCapacity);
  from.Append(body);
  from.Consume(200);  // the head
  const char* front = FrontData(from);
  to.Append(Pattern(150));
  to.MoveFrom(from, from.size());
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(Contents(to), Pattern(150) + body.substr(200));
  EXPECT_EQ(pool.in_use(), 5u);
  to.Consume(150);
  EXPECT_EQ(FrontData(to), front);
}

TEST(Buffer, MoveFromCopiesSmallPiecesBehindWhatIsThere) {
  SlabPool pool;
  Buffer from(&pool), to(&pool);
  to.Append("HTTP/1.1 200 OK\r\n\r\n");
  from.Append("hello");
  to.MoveFrom(from, 5);
  EXPECT_EQ(to.Front(), "HTTP/1.1 200 OK\r\n\r\nhello");
  EXPECT_EQ(pool.in_use(), 1u);
}

TEST(Buffer, MoveFromIntoAnEmptyBufferHandsASmallSlabOver) {
  SlabPool pool;
  Buffer from(&pool), to(&pool);
  from.Append("hello");
  const char* front = FrontData(from);
  to.MoveFrom(from, 5);
  EXPECT_EQ(FrontData(to), front);
  EXPECT_EQ(pool.in_use(), 1u);
}

TEST(Buffer, MoveFromOfPartOfASlabCopiesTheSmallerPart) {
  SlabPool pool;
  Buffer from(&pool), to(&pool);
  const std::string text = Pattern(12000);
  from.Append(text);
  const char* front = FrontData(from);
  to.MoveFrom(from, 11000);  // the rest is smaller: it moves
  EXPECT_EQ(FrontData(to), front);
  EXPECT_EQ(Contents(to), text.substr(0, 11000));
  EXPECT_EQ(Contents(from), text.substr(11000));

  Buffer other(&pool);
  front = FrontData(from);
  other.MoveFrom(from, 300);
  EXPECT_EQ(FrontData(from), front + 300);
  EXPECT_EQ(Contents(other), text.substr(11000, 300));
  EXPECT_EQ(from.size() + to.size() + other.size(), text.size());
}

// What a slow reader of tiny chunks makes the gateway hold.
TEST(Buffer, ManySmallMovesDoNotHoldManySlabs) {
  SlabPool pool;
  Buffer to(&pool);
  size_t total = 0;
  while (total < 64 * 1024) {
    Buffer from(&pool);
    from.Append(Pattern(100));
    to.MoveFrom(from, 100);
    total += 100;
  }
  EXPECT_LE(pool.in_use(), 5u);
}

TEST(Buffer, MovingTakesTheBytesAlong) {
  SlabPool pool;
  Buffer first(&pool);
  first.Append("hello");
  Buffer second(std::move(first));
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(second.Front(), "hello");
  Buffer third(&pool);
  third.Append("old");
  third = std::move(second);
  EXPECT_EQ(third.Front(), "hello");
  EXPECT_EQ(pool.in_use(), 1u);
}

TEST(Buffer, ShrunkItHoldsASmallSlab) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append("hello world");
  buffer.Consume(6);
  buffer.Shrink();
  EXPECT_EQ(Contents(buffer), "world");
  EXPECT_EQ(pool.in_use(), 1u);
  EXPECT_EQ(pool.free_count(), 1u) << "the large one";
  const char* const front = FrontData(buffer);
  buffer.Shrink();
  EXPECT_EQ(FrontData(buffer), front) << "it is small already";
}

TEST(Buffer, ShrunkItGrowsInOnePiece) {
  SlabPool pool;
  Buffer buffer(&pool);
  std::string all = "GET / HT";
  buffer.Append(all);
  for (int i = 0; i < 200; ++i) {
    buffer.Shrink();
    const std::string piece = Pattern(1 + i % 50, i);
    WriteThrough(buffer, piece, kCapacity);
    all += piece;
    ASSERT_EQ(buffer.Front(), all) << "one piece";
  }
  EXPECT_EQ(buffer.size(), all.size());
  buffer.Clear();
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(Buffer, ShrunkItCanBeAppendedToAndMoved) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append("head");
  buffer.Shrink();
  const std::string more = Pattern(2 * kCapacity, 3);
  buffer.Append(more);
  EXPECT_EQ(Contents(buffer), "head" + more);
  Buffer to(&pool);
  to.MoveFrom(buffer, 2);
  buffer.Shrink();
  to.MoveFrom(buffer, buffer.size());
  EXPECT_EQ(Contents(to), "head" + more);
  EXPECT_TRUE(buffer.empty());
}

TEST(Buffer, MuchIsNotShrunk) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Shrink();
  EXPECT_EQ(pool.in_use(), 0u) << "nothing to do while empty";
  buffer.Append(Pattern(kCapacity - 10, 1));
  const char* const front = FrontData(buffer);
  buffer.Shrink();
  EXPECT_EQ(FrontData(buffer), front);
  buffer.Append(Pattern(100, 2));
  buffer.Shrink();
  EXPECT_EQ(pool.in_use(), 2u) << "nor in several slabs";
}

TEST(BufferDeathTest, ConsumingMoreThanThereIsIsABug) {
  SlabPool pool;
  Buffer buffer(&pool);
  buffer.Append("abc");
  EXPECT_DEATH(buffer.Consume(4), "n <= size");
  EXPECT_DEATH(buffer.Linearize(4), "n <= size");
}

TEST(BufferDeathTest, CommittingMoreThanWasPreparedIsABug) {
  SlabPool pool;
  Buffer buffer(&pool);
  EXPECT_DEATH(
      {
        const size_t room = buffer.PrepareWrite().size();
        buffer.CommitWrite(room + 1);
      },
      "slab != nullptr");
}

// Two buffers against two strings.
class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) {}

  void Step() {
    const int which = static_cast<int>(Below(2));
    Buffer& buffer = buffers_[which];
    std::string& model = models_[which];
    switch (Below(9)) {
      case 0: return Add(buffer, model, Below(200));
      case 1: return Add(buffer, model, Below(3 * kCapacity));
      case 2: return WriteOne(buffer, model);
      case 3: return WriteMany(buffer, model);
      case 4: return Take(buffer, model, Below(100));
      case 5: return Take(buffer, model, Below(2 * kCapacity));
      case 6: return Line(buffer, model);
      case 7: return Move(which);
      case 8: return buffer.Shrink();
    }
  }

  void Check() {
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(buffers_[i].size(), models_[i].size());
      ASSERT_EQ(Contents(buffers_[i]), models_[i]);
    }
    ASSERT_TRUE(!models_[0].empty() || !models_[1].empty() || pool_.in_use() == 0);
  }

 private:
  size_t Below(size_t n) { return random_() % n; }
  std::string_view Text(size_t n) {
    static const std::string kText = Pattern(8 * kCapacity);
    return std::string_view(kText).substr(Below(kCapacity), n);
  }

  void Add(Buffer& buffer, std::string& model, size_t n) {
    const std::string_view text = Text(n);
    buffer.Append(text);
    model += text;
    Trim(buffer, model);
  }

  void WriteOne(Buffer& buffer, std::string& model) {
    const size_t least = 1 + Below(Below(4) == 0 ? 3 * kCapacity : 300);
    const std::span<char> room = buffer.PrepareWrite(least);
    ASSERT_GE(room.size(), least);
    const std::string_view text = Text(Below(room.size() + 1));
    std::memcpy(room.data(), text.data(), text.size());
    buffer.CommitWrite(text.size());
    model += text;
    Trim(buffer, model);
  }

  void WriteMany(Buffer& buffer, std::string& model) {
    const size_t room = 5000 + Below(3 * kCapacity);
    const std::string_view text = Text(Below(room - 4096));
    WriteThrough(buffer, text, room);
    model += text;
    Trim(buffer, model);
  }

  void Take(Buffer& buffer, std::string& model, size_t n) {
    n = std::min(n, model.size());
    buffer.Consume(n);
    model.erase(0, n);
  }

  void Line(Buffer& buffer, std::string& model) {
    const size_t n = Below(model.size() + 1);
    ASSERT_EQ(buffer.Linearize(n), std::string_view(model).substr(0, n));
  }

  void Move(int to) {
    std::string& source = models_[1 - to];
    const size_t n = Below(3) == 0 ? source.size() : Below(source.size() + 1);
    buffers_[to].MoveFrom(buffers_[1 - to], n);
    models_[to] += source.substr(0, n);
    source.erase(0, n);
  }

  void Trim(Buffer& buffer, std::string& model) {
    constexpr size_t kMost = 6 * kCapacity;
    if (model.size() > kMost) Take(buffer, model, model.size() - Below(kMost));
  }

  std::mt19937 random_;
  SlabPool pool_{4};
  Buffer buffers_[2] = {Buffer(&pool_), Buffer(&pool_)};
  std::string models_[2];
};

TEST(Buffer, AgreesWithAStringOverRandomOperations) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed);
    for (int step = 0; step < 1000; ++step) {
      model.Step();
      ASSERT_NO_FATAL_FAILURE(model.Check()) << "after step " << step;
    }
  }
}

}  // namespace
}  // namespace holdfast::pool
