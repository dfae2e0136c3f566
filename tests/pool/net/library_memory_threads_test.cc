#include <cstddef>
#include <thread>

#include <gtest/gtest.h>

#include "pool/net/library_memory.h"

namespace holdfast::pool {
namespace {

using library_memory::Give;
using library_memory::Kept;
using library_memory::Release;
using library_memory::Take;

TEST(LibraryMemoryThreads, AnotherThreadMayGiveWhatThisOneTook) {
  Release();
  void* const piece = Take(1000);
  size_t kept = 0;
  std::thread other([&] {
    Give(piece);
    kept = Kept();
  });
  other.join();
  EXPECT_GE(kept, 1000u);
  EXPECT_EQ(Kept(), 0u);
}

TEST(LibraryMemoryThreads, EachKeepsItsOwn) {
  const auto work = [] {
    for (size_t i = 0; i < 100'000; ++i) {
      void* const piece = Take(1 + i % 3000);
      static_cast<char*>(piece)[0] = 'x';
      Give(piece);
    }
  };
  std::thread one(work), two(work);
  one.join();
  two.join();
}

}  // namespace
}  // namespace holdfast::pool
