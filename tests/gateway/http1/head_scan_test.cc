#include "gateway/http1/head_scan.h"

#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace holdfast::http1 {
namespace {

using http::HeadLimits;
using http::HeadScanner;
using http::Refusal;
using pool::Buffer;
using pool::SlabPool;
using Status = HeadScanner::Status;

class HeadScanTest : public testing::Test {
 protected:
  HeadScanner::Result Scan() { return ScanHead(&scanner_, buffer_, limits_); }

  // Brings a slab that has `bytes` and no room for more to the end of the buffer.
  void AppendSlab(std::string_view bytes) {
    Buffer slab(&slabs_);
    const size_t filler = SlabPool::kSlabCapacity - bytes.size();
    slab.Append(std::string(filler, 'x'));
    slab.Append(bytes);
    slab.Consume(filler);
    buffer_.MoveFrom(slab, slab.size());
  }

  SlabPool slabs_;
  Buffer buffer_{&slabs_};
  HeadScanner scanner_;
  HeadLimits limits_;
};

TEST_F(HeadScanTest, AHeadInTheFirstSlabIsFoundWhereItLies) {
  buffer_.Append("GET / HTTP/1.1\r\n\r\nrest");
  const char* before = buffer_.Front().data();
  const HeadScanner::Result result = Scan();
  EXPECT_EQ(result.status, Status::kComplete);
  EXPECT_EQ(result.head_bytes, std::strlen("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(buffer_.Front().data(), before) << "nothing was copied";
}

TEST_F(HeadScanTest, AHeadAcrossSlabsIsFoundAtEverySplit) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (size_t split = 1; split < head.size(); ++split) {
    scanner_.Reset();
    buffer_.Clear();
    AppendSlab(head.substr(0, split));
    AppendSlab(head.substr(split) + "rest");
    const HeadScanner::Result result = Scan();
    ASSERT_EQ(result.status, Status::kComplete) << split;
    EXPECT_EQ(result.head_bytes, head.size());
    EXPECT_EQ(buffer_.Linearize(head.size()), head);
  }
}

TEST_F(HeadScanTest, GoesOnWhenMoreArrives) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (size_t i = 0; i + 1 < head.size(); ++i) {
    AppendSlab(head.substr(i, 1));
    ASSERT_EQ(Scan().status, Status::kIncomplete) << i;
  }
  AppendSlab("\n");
  EXPECT_EQ(Scan().head_bytes, head.size());
}

TEST_F(HeadScanTest, AHeadOfThePermittedSizeIsComplete) {
  limits_.head_bytes = 20'000;
  const std::string start = "GET / HTTP/1.1\r\na: ";
  buffer_.Append(start + std::string(limits_.head_bytes - start.size() - 4, 'v'));
  EXPECT_EQ(Scan().status, Status::kIncomplete);
  buffer_.Append("\r\n\r\nrest");
  const HeadScanner::Result result = Scan();
  EXPECT_EQ(result.status, Status::kComplete);
  EXPECT_EQ(result.head_bytes, limits_.head_bytes);
}

TEST_F(HeadScanTest, ALongerOneIsRefusedAndNoMoreThanAHeadMadeContiguous) {
  limits_.head_bytes = 20'000;
  buffer_.Append("GET / HTTP/1.1\r\na: " + std::string(60'000, 'v'));
  const HeadScanner::Result result = Scan();
  EXPECT_EQ(result.status, Status::kRefused);
  EXPECT_EQ(result.refusal, Refusal::kHeadTooLarge);
  EXPECT_LE(buffer_.Front().size(), limits_.head_bytes + 1);
}

TEST_F(HeadScanTest, WhatTheFirstSlabRefusesIsNotMadeContiguous) {
  buffer_.Append("\x16\x03\x01 no head");
  AppendSlab("more");
  const char* before = buffer_.Front().data();
  EXPECT_EQ(Scan().status, Status::kRefused);
  EXPECT_EQ(buffer_.Front().data(), before);
}

}  // namespace
}  // namespace holdfast::http1
