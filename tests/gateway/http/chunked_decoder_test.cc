#include "gateway/http/chunked_decoder.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::http {
namespace {

using Step = ChunkedDecoder::Step;

struct Outcome {
  Step step = Step::kNeedMore;
  Refusal refusal = Refusal::kNone;
  std::string body;
  size_t taken = 0;

  bool operator==(const Outcome&) const = default;
};

// Feeds `bytes` until the decoder wants more than there is, or ends.
void Feed(std::string_view bytes, ChunkedDecoder* decoder, Outcome* outcome) {
  while (true) {
    const ChunkedDecoder::Result result = decoder->Decode(bytes);
    outcome->step = result.step;
    outcome->refusal = result.refusal;
    outcome->taken += result.framing_bytes + result.data_bytes;
    ASSERT_LE(result.framing_bytes + result.data_bytes, bytes.size());
    outcome->body += bytes.substr(result.framing_bytes, result.data_bytes);
    bytes.remove_prefix(result.framing_bytes + result.data_bytes);
    if (result.step != Step::kData) return;
    ASSERT_GT(result.data_bytes, 0u);
  }
}

Outcome DecodeWhole(std::string_view bytes, ChunkSender sender = ChunkSender::kClient) {
  ChunkedDecoder decoder(sender);
  Outcome outcome;
  Feed(bytes, &decoder, &outcome);
  return outcome;
}

Outcome DecodeInPieces(std::string_view bytes, const std::vector<size_t>& cuts,
                       ChunkSender sender = ChunkSender::kClient) {
  ChunkedDecoder decoder(sender);
  Outcome outcome;
  size_t start = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : bytes.size();
    Feed(bytes.substr(start, end - start), &decoder, &outcome);
    start = end;
    if (outcome.step == Step::kRefused || outcome.step == Step::kLastChunk) break;
  }
  return outcome;
}

// One-byte chunks, each with an extension of so many bytes.
std::string ChunksOf(size_t extension, int chunks) {
  std::string bytes;
  for (int i = 0; i < chunks; ++i) bytes += "1;" + std::string(extension, 'x') + "\r\na\r\n";
  return bytes;
}

struct AcceptCase {
  std::string bytes;
  std::string body;
};

const std::vector<AcceptCase>& Accepted() {
  static const std::vector<AcceptCase> cases = {
      {"0\r\n", ""},
      {"000\r\n", ""},
      {"5\r\nhello\r\n0\r\n", "hello"},
      {"5\r\nhello\r\n6\r\n world\r\n0\r\n", "hello world"},
      {"a\r\n0123456789\r\n0\r\n", "0123456789"},
      {"A\r\n0123456789\r\n0\r\n", "0123456789"},
      {"00005\r\nhello\r\n0\r\n", "hello"},
      {"1\r\n\r\r\n1\r\n\n\r\n0\r\n", "\r\n"},
      {"2;a\r\nab\r\n0;b=c\r\n", "ab"},
      {"2;a=\"b; c\";d \t\r\nab\r\n0\r\n", "ab"},
      {"2;\xc3\xa9\r\nab\r\n0\r\n", "ab"},
      {"1;" + std::string(ChunkedDecoder::kMaxExtensionBytes, 'x') + "\r\na\r\n0\r\n", "a"},
      // RFC 9112 section 7.1.1 has blanks before an extension.
      {"2 ;a=b\r\nab\r\n0\t \t;c\r\n", "ab"},
      // The bound on extensions is each chunk's own.
      {"1;" + std::string(1000, 'x') + "\r\na\r\n1;" + std::string(1000, 'y') + "\r\nb\r\n0\r\n",
       "ab"},
  };
  return cases;
}

struct RefuseCase {
  std::string bytes;
  Refusal refusal;
};

const std::vector<RefuseCase>& Refused() {
  static const std::vector<RefuseCase> cases = {
      {"\r\n", Refusal::kMalformedChunkSize},
      {"\n", Refusal::kMalformedChunkSize},
      {";a\r\n", Refusal::kMalformedChunkSize},
      {"+5\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"-5\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"0x5\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {" 5\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"5 \r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"5\t\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"5 5;a\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"5 \n", Refusal::kMalformedChunkSize},
      {"5" + std::string(ChunkedDecoder::kMaxExtensionBytes + 1, ' ') + ";a\r\n",
       Refusal::kChunkExtensionTooLong},
      {ChunksOf(1000, 20), Refusal::kTooMuchChunkOverhead},
      {"5 a\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"5_0\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"5,5\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {"5g\r\nhello\r\n", Refusal::kMalformedChunkSize},
      {std::string("5\0\r\n", 4), Refusal::kMalformedChunkSize},
      {"1000000000000000\r\n", Refusal::kChunkSizeOverflow},
      {"ffffffffffffffff\r\n", Refusal::kChunkSizeOverflow},
      {"10000000000000005\r\n", Refusal::kChunkSizeOverflow},
      {std::string(40, '0') + "\r\n", Refusal::kChunkSizeOverflow},
      {"5;a\nhello\r\n", Refusal::kChunkExtensionBytes},
      {"5;a\rb\r\nhello\r\n", Refusal::kChunkExtensionBytes},
      {"5;a\r\rhello\r\n", Refusal::kChunkExtensionBytes},
      {"5;\x01\r\nhello\r\n", Refusal::kChunkExtensionBytes},
      {std::string("5;a\0b\r\nhello\r\n", 14), Refusal::kChunkExtensionBytes},
      {"5;\x7f\r\nhello\r\n", Refusal::kChunkExtensionBytes},
      {"1;" + std::string(ChunkedDecoder::kMaxExtensionBytes + 1, 'x') + "\r\na\r\n",
       Refusal::kChunkExtensionTooLong},
      {"5\nhello\r\n", Refusal::kChunkLineEnd},
      {"5\rhello\r\n", Refusal::kChunkLineEnd},
      {"5\r\r\nhello\r\n", Refusal::kChunkLineEnd},
      {"0\n\n", Refusal::kChunkLineEnd},
      {"0\r\r\n", Refusal::kChunkLineEnd},
      {"5\r\nhello0\r\n", Refusal::kMissingChunkEnd},
      {"5\r\nhello!\r\n0\r\n", Refusal::kMissingChunkEnd},
      {"5\r\nhello\n0\r\n", Refusal::kMissingChunkEnd},
      {"5\r\nhello\r0\r\n", Refusal::kMissingChunkEnd},
      {"5\r\nhell\r\n0\r\n\r\n", Refusal::kMissingChunkEnd},
  };
  return cases;
}

TEST(ChunkedDecoder, DecodesAndStopsAtTheTrailerSection) {
  for (const AcceptCase& c : Accepted()) {
    const Outcome outcome = DecodeWhole(c.bytes + "Trailer: x\r\n\r\nGET");
    EXPECT_EQ(outcome.step, Step::kLastChunk) << c.bytes;
    EXPECT_EQ(outcome.body, c.body) << c.bytes;
    EXPECT_EQ(outcome.taken, c.bytes.size()) << c.bytes;
  }
}

TEST(ChunkedDecoder, RefusesByName) {
  std::set<Refusal> seen;
  for (const RefuseCase& c : Refused()) {
    const Outcome outcome = DecodeWhole(c.bytes);
    EXPECT_EQ(outcome.step, Step::kRefused) << c.bytes;
    EXPECT_EQ(RefusalName(outcome.refusal), RefusalName(c.refusal)) << c.bytes;
    seen.insert(c.refusal);
  }
  for (auto value = static_cast<size_t>(Refusal::kMalformedChunkSize); value < kRefusalCount;
       ++value) {
    EXPECT_TRUE(seen.contains(static_cast<Refusal>(value)))
        << RefusalName(static_cast<Refusal>(value)) << " has no case";
  }
}

// Old servers pad sizes to a fixed width, and nginx and HAProxy take it from them.
TEST(ChunkedDecoder, AnUpstreamMayPadASize) {
  for (const std::string padded :
       {"5  \r\nhello\r\n0 \r\n", "5\t\r\nhello\r\n0\r\n", "5 ;a=b\r\nhello\r\n0     \r\n"}) {
    const Outcome outcome = DecodeWhole(padded, ChunkSender::kUpstream);
    EXPECT_EQ(outcome.step, Step::kLastChunk) << padded;
    EXPECT_EQ(outcome.body, "hello") << padded;
    for (size_t cut = 0; cut <= padded.size(); ++cut) {
      EXPECT_EQ(DecodeInPieces(padded, {cut}, ChunkSender::kUpstream), outcome) << padded << cut;
    }
  }
}

TEST(ChunkedDecoder, AnUpstreamMayDoNothingElseThatAClientMayNot) {
  for (const RefuseCase& c : Refused()) {
    const bool padding = c.bytes == "5 \r\nhello\r\n" || c.bytes == "5\t\r\nhello\r\n";
    const Outcome outcome = DecodeWhole(c.bytes, ChunkSender::kUpstream);
    EXPECT_EQ(outcome.step == Step::kRefused, !padding) << c.bytes;
  }
}

// What frames the data, its extensions and its padding is bounded by the data and a constant.
TEST(ChunkedDecoder, BoundsWhatAllChunksCarryBesideTheirData) {
  const std::string end = "0\r\n";
  const int fits = ChunkedDecoder::kMaxOverheadBytes / 1023;
  EXPECT_EQ(DecodeWhole(ChunksOf(1024, fits) + end).step, Step::kLastChunk);
  EXPECT_EQ(DecodeWhole(ChunksOf(1024, fits + 1) + end).refusal, Refusal::kTooMuchChunkOverhead);

  std::string zeros;
  for (int i = 0; i < 2000; ++i) zeros += "000000000000001\r\na\r\n";
  EXPECT_EQ(DecodeWhole(zeros).refusal, Refusal::kTooMuchChunkOverhead) << "leading zeros";

  std::string signed_chunks;  // as some clients sign each of theirs
  for (int i = 0; i < 5000; ++i) {
    signed_chunks +=
        "64;chunk-signature=" + std::string(64, 'f') + "\r\n" + std::string(100, 'a') + "\r\n";
  }
  EXPECT_EQ(DecodeWhole(signed_chunks + end).step, Step::kLastChunk);
}

// Signs of life in short chunks, for hours, from a server that pads its sizes to a fixed width.
TEST(ChunkedDecoder, AnUpstreamMayPadTheSizesOfAnyNumberOfShortChunks) {
  for (const std::string size : {"3       ", "00000003", "3\t\t\t\t"}) {
    std::string events;
    for (int i = 0; i < 20'000; ++i) events += size + "\r\n:\n\n\r\n";
    const Outcome outcome = DecodeWhole(events + "0\r\n", ChunkSender::kUpstream);
    EXPECT_EQ(outcome.step, Step::kLastChunk) << size;
    EXPECT_EQ(outcome.body.size(), 60'000u) << size;
  }
  const std::string extended = ChunksOf(1000, 20);
  EXPECT_EQ(DecodeWhole(extended, ChunkSender::kUpstream).refusal, Refusal::kTooMuchChunkOverhead);
}

TEST(ChunkedDecoder, TheNextBodyHasABoundOfItsOwn) {
  ChunkedDecoder decoder(ChunkSender::kUpstream);
  for (int body = 0; body < 4; ++body) {
    Outcome outcome;
    Feed(ChunksOf(1000, 10) + "0 \r\n", &decoder, &outcome);
    EXPECT_EQ(outcome.step, Step::kLastChunk) << body;
    decoder.Reset();
  }
}

TEST(ChunkedDecoder, GivesTheSameForEverySplit) {
  std::vector<std::string> inputs;
  for (const AcceptCase& c : Accepted()) inputs.push_back(c.bytes + "\r\n");
  for (const RefuseCase& c : Refused()) inputs.push_back(c.bytes);
  for (const std::string& input : inputs) {
    const Outcome whole = DecodeWhole(input);
    const size_t step = input.size() < 4096 ? 1 : 97;
    for (size_t cut = 0; cut <= input.size(); cut += step) {
      EXPECT_EQ(DecodeInPieces(input, {cut}), whole) << input << " cut at " << cut;
    }
    std::vector<size_t> bytewise;
    for (size_t i = 1; i < input.size(); ++i) bytewise.push_back(i);
    EXPECT_EQ(DecodeInPieces(input, bytewise), whole) << input << " byte by byte";
  }
}

TEST(ChunkedDecoder, NeedsMoreForEveryProperPrefix) {
  const std::string_view input = "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n";
  for (size_t n = 0; n < input.size(); ++n) {
    const Outcome outcome = DecodeWhole(input.substr(0, n));
    EXPECT_EQ(outcome.step, Step::kNeedMore) << n;
    EXPECT_EQ(outcome.taken, n);
  }
}

TEST(ChunkedDecoder, CountsAChunkFarBeyondItsInput) {
  ChunkedDecoder decoder;
  ChunkedDecoder::Result result = decoder.Decode("fffffffffffffff\r\nabc");
  EXPECT_EQ(result.step, Step::kData);
  EXPECT_EQ(result.framing_bytes, 17u);
  EXPECT_EQ(result.data_bytes, 3u);
  result = decoder.Decode("defg");
  EXPECT_EQ(result.step, Step::kData);
  EXPECT_EQ(result.framing_bytes, 0u);
  EXPECT_EQ(result.data_bytes, 4u);
}

TEST(ChunkedDecoder, StaysAtItsEndUntilReset) {
  ChunkedDecoder decoder;
  EXPECT_EQ(decoder.Decode("0\r\n").step, Step::kLastChunk);
  EXPECT_EQ(decoder.Decode("5\r\n").step, Step::kLastChunk);
  EXPECT_EQ(decoder.Decode("5\r\n").framing_bytes, 0u);
  decoder.Reset();
  EXPECT_EQ(decoder.Decode("z").step, Step::kRefused);
  const ChunkedDecoder::Result again = decoder.Decode("0\r\n");
  EXPECT_EQ(again.step, Step::kRefused);
  EXPECT_EQ(again.refusal, Refusal::kMalformedChunkSize);
  EXPECT_EQ(again.framing_bytes, 0u);
}

}  // namespace
}  // namespace holdfast::http
