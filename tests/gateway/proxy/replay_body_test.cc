#include "gateway/proxy/replay_body.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/pool/net/socket_pair.h"

namespace holdfast::proxy {
namespace {

using pool::Buffer;
using pool::Pattern;

class ReplayBodyTest : public testing::Test {
 protected:
  // As when a part of the body is sent.
  void Note(std::string_view bytes) {
    Buffer part(&slabs_);
    part.Append(bytes);
    replay_.Note(part, part.size());
  }
  std::string BeginAttempt(bool keep) {
    Buffer body(&slabs_);
    replay_.BeginAttempt(keep);
    replay_.Give(&body);
    return std::string(body.Linearize(body.size()));
  }

  pool::SlabPool slabs_;
  ReplayBody replay_{&slabs_};
};

TEST_F(ReplayBodyTest, ARequestWithoutABodyIsAlwaysComplete) {
  EXPECT_EQ(BeginAttempt(/*keep=*/false), "");
  EXPECT_TRUE(replay_.complete());
}

TEST_F(ReplayBodyTest, WhatIsKeptCanBeSentAgainAndAgain) {
  BeginAttempt(true);
  Note("one");
  Note("two");
  EXPECT_EQ(BeginAttempt(true), "onetwo");
  Note("three");
  EXPECT_EQ(BeginAttempt(true), "onetwothree");
  EXPECT_TRUE(replay_.complete());
}

TEST_F(ReplayBodyTest, AnAttemptThatIsTheLastKeepsNothing) {
  BeginAttempt(true);
  Note("one");
  EXPECT_EQ(BeginAttempt(false), "one");
  EXPECT_FALSE(replay_.complete());
  EXPECT_EQ(slabs_.in_use(), 0u);
}

TEST_F(ReplayBodyTest, WhatIsNotToBeKeptIsLost) {
  BeginAttempt(false);
  Note("one");
  EXPECT_FALSE(replay_.complete());
  EXPECT_EQ(slabs_.in_use(), 0u);
}

TEST_F(ReplayBodyTest, OnlyThePartThatIsSentIsKept) {
  BeginAttempt(true);
  Buffer part(&slabs_);
  part.Append("one and more");
  replay_.Note(part, 3);
  EXPECT_EQ(BeginAttempt(true), "one");
}

TEST_F(ReplayBodyTest, AsMuchAsTheBoundIsKeptAndNoByteMore) {
  const std::string body = Pattern(ReplayBody::kMaxBytes);
  BeginAttempt(true);
  Note(body);
  EXPECT_EQ(BeginAttempt(true), body);
  Note("x");
  EXPECT_FALSE(replay_.complete());
  EXPECT_EQ(slabs_.in_use(), 0u);
  Note("later parts do not bring it back");
  EXPECT_FALSE(replay_.complete());
}

TEST_F(ReplayBodyTest, ManyPiecesAreKeptWhole) {
  BeginAttempt(true);
  Buffer part(&slabs_);
  for (int i = 0; i < 40; ++i) {
    // Larger than what is copied: each is handed over in a slab of its own.
    Buffer piece(&slabs_);
    piece.Append(Pattern(Buffer::kCopyBytes + 1));
    part.MoveFrom(piece, piece.size());
  }
  replay_.Note(part, ReplayBody::kMaxBytes);
  EXPECT_TRUE(replay_.complete());
  EXPECT_EQ(BeginAttempt(true).size(), ReplayBody::kMaxBytes);
}

TEST_F(ReplayBodyTest, ClearForgetsTheRequest) {
  BeginAttempt(true);
  Note("one");
  replay_.Clear();
  EXPECT_TRUE(replay_.complete());
  EXPECT_EQ(BeginAttempt(true), "");
  EXPECT_EQ(slabs_.in_use(), 0u);
}

}  // namespace
}  // namespace holdfast::proxy
