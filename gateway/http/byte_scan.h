#ifndef HOLDFAST_GATEWAY_HTTP_BYTE_SCAN_H_
#define HOLDFAST_GATEWAY_HTTP_BYTE_SCAN_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "gateway/http/syntax.h"

namespace holdfast::http {

// Where a run of bytes of one class ends: each function returns the first byte of [p, end) that is
// not of its class, or `end`, and reads nothing outside. Those of a text go from `p` in it to its
// end, and may read what is before. All pure, on the hot path: with SSE2 they look at sixteen bytes
// at a time. Those in `portable` give the same answers on any machine.

// Visible ASCII without '#': what a request target is made of (RFC 9112 section 3.2).
inline bool IsTargetByte(char byte) { return byte > 0x20 && byte < 0x7f && byte != '#'; }

// The first line feed of [from, text.size()) that ends a head: with nothing but CR between it and
// the one before, or the beginning of the text. Or, before that, one without CR. `from` is in the
// text or its end.
struct LineEnd {
  enum class Kind { kNone, kEmptyLine, kBare };
  Kind kind = Kind::kNone;
  size_t at = 0;
  bool operator==(const LineEnd&) const = default;
};

// What the line feed at `at` is, as long as those before it have CR.
inline LineEnd JudgeLineFeed(std::string_view text, size_t at) {
  const char* const p = text.data() + at;
  if (at == 0 || p[-1] != '\r') return {LineEnd::Kind::kBare, at};
  if (at == 1 || p[-2] == '\n') return {LineEnd::Kind::kEmptyLine, at};
  return {};
}

namespace portable {

inline LineEnd FindHeadEnd(std::string_view text, size_t from) {
  for (size_t at = from; at < text.size(); ++at) {
    if (text[at] != '\n') continue;
    if (const LineEnd end = JudgeLineFeed(text, at); end.kind != LineEnd::Kind::kNone) return end;
  }
  return {};
}

inline const char* SkipTokenBytes(const char* p, const char* end) {
  while (p != end && IsTokenByte(*p)) ++p;
  return p;
}

inline const char* SkipTargetBytes(const char* p, const char* end) {
  while (p != end && IsTargetByte(*p)) ++p;
  return p;
}

inline const char* FindByte(const char* p, const char* end, char byte) {
  if (p == end) return end;
  const void* const found = std::memchr(p, byte, static_cast<size_t>(end - p));
  return found != nullptr ? static_cast<const char*>(found) : end;
}

// Of eight bytes: the high bit of each is set where it is below 0x20 or equal to 0x7f. The
// subtractions can borrow from a place above a real hit, never without one, so the lowest bit that
// is set is right.
inline uint64_t ControlBytes(const char* p) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  constexpr uint64_t kHigh = 0x8080808080808080u;
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  const uint64_t below_space = (word - kOnes * 0x20) & ~word;
  const uint64_t deleted = word ^ (kOnes * 0x7f);
  const uint64_t is_delete = (deleted - kOnes) & ~deleted;
  return (below_space | is_delete) & kHigh;
}

[[gnu::noinline]] inline const char* SkipValueBytes(const char* p, const char* end) {
  const char* const begin = p;
  while (end - p >= 8) {
    const uint64_t control = ControlBytes(p);
    if (control == 0) {
      p += 8;
      continue;
    }
    p += std::countr_zero(control) / 8;
    if (*p != '\t') return p;
    ++p;
  }
  if (end - begin >= 8 && ControlBytes(end - 8) == 0) return end;
  while (p != end && IsValueByte(*p)) ++p;
  return p;
}

}  // namespace portable

#ifdef __SSE2__

namespace sse2 {

inline constexpr int kBlock = 16;

inline __m128i Load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// One bit for each byte of a mask: those that are set, and those that are not.
inline uint32_t Hits(__m128i mask) { return static_cast<uint32_t>(_mm_movemask_epi8(mask)); }
inline uint32_t Misses(__m128i mask) { return Hits(mask) ^ 0xffff; }

inline __m128i Equal(__m128i bytes, char byte) {
  return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte));
}

// Unsigned: first <= byte < first + count.
inline __m128i InRange(__m128i bytes, char first, int count) {
  const __m128i offset = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
  const __m128i last = _mm_set1_epi8(static_cast<char>(count - 1));
  return _mm_cmpeq_epi8(_mm_min_epu8(offset, last), offset);
}

// Letters, digits, '-' and '_': nearly all that names are made of.
inline __m128i WordBytes(__m128i bytes) {
  const __m128i letters = InRange(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 26);
  const __m128i signs = _mm_or_si128(Equal(bytes, '-'), Equal(bytes, '_'));
  return _mm_or_si128(_mm_or_si128(letters, InRange(bytes, '0', 10)), signs);
}

// What may not be in a value, but for the tab.
inline __m128i ControlBytes(__m128i bytes) {
  return _mm_or_si128(InRange(bytes, 0, 0x20), Equal(bytes, 0x7f));
}

}  // namespace sse2

// The line feeds and the ends among sixteen bytes: a bit for each.
inline LineEnd JudgeBlock(std::string_view text, size_t at, uint32_t feeds) {
  for (; feeds != 0; feeds &= feeds - 1) {
    const LineEnd end = JudgeLineFeed(text, at + static_cast<size_t>(std::countr_zero(feeds)));
    if (end.kind != LineEnd::Kind::kNone) return end;
  }
  return {};
}

// Of line feeds in a block that has two bytes before it: those that are an end.
inline uint32_t EndsAmong(const char* block, uint32_t feeds) {
  const uint32_t after_cr = sse2::Hits(sse2::Equal(sse2::Load(block - 1), '\r'));
  const uint32_t after_line = sse2::Hits(sse2::Equal(sse2::Load(block - 2), '\n'));
  return feeds & (~after_cr | after_line);
}

inline LineEnd FindHeadEnd(std::string_view text, size_t from) {
  size_t at = from;
  for (; at + sse2::kBlock <= text.size(); at += sse2::kBlock) {
    const char* const block = text.data() + at;
    uint32_t feeds = sse2::Hits(sse2::Equal(sse2::Load(block), '\n'));
    if (feeds == 0) continue;
    if (at >= 2) feeds = EndsAmong(block, feeds);
    if (feeds == 0) continue;
    if (const LineEnd end = JudgeBlock(text, at, feeds); end.kind != LineEnd::Kind::kNone) {
      return end;
    }
  }
  if (at == text.size() || text.size() < sse2::kBlock) return portable::FindHeadEnd(text, at);
  // The last sixteen bytes, without those that were looked at already.
  const size_t last = text.size() - sse2::kBlock;
  const uint32_t feeds = sse2::Hits(sse2::Equal(sse2::Load(text.data() + last), '\n'));
  return JudgeBlock(text, last, feeds >> (at - last) << (at - last));
}

// The loops begin after the first block, which nearly always is the last as well.
namespace sse2 {

[[gnu::noinline]] inline const char* SkipMoreValueBytes(const char* p, const char* end) {
  while (end - p >= kBlock) {
    const uint32_t found = Hits(ControlBytes(Load(p)));
    if (found == 0) {
      p += kBlock;
      continue;
    }
    p += std::countr_zero(found);
    if (*p != '\t') return p;
    ++p;
  }
  return portable::SkipValueBytes(p, end);
}

}  // namespace sse2

inline const char* SkipTokenBytes(const char* p, const char* end) {
  if (end - p < sse2::kBlock) return portable::SkipTokenBytes(p, end);
  const uint32_t others = sse2::Misses(sse2::WordBytes(sse2::Load(p)));
  if (others == 0) return portable::SkipTokenBytes(p + sse2::kBlock, end);
  p += std::countr_zero(others);
  return IsTokenByte(*p) ? portable::SkipTokenBytes(p, end) : p;
}

inline const char* SkipTargetBytes(const char* p, const char* end) {
  while (end - p >= sse2::kBlock) {
    const __m128i bytes = sse2::Load(p);
    // Signed: what has the high bit set is below a space, too.
    const __m128i visible = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(0x20));
    const __m128i barred = _mm_or_si128(sse2::Equal(bytes, '#'), sse2::Equal(bytes, 0x7f));
    const uint32_t others = sse2::Misses(_mm_andnot_si128(barred, visible));
    if (others != 0) return p + std::countr_zero(others);
    p += sse2::kBlock;
  }
  return portable::SkipTargetBytes(p, end);
}

[[gnu::always_inline]] inline const char* SkipValueBytes(const char* p, const char* end) {
  if (end - p < sse2::kBlock) return portable::SkipValueBytes(p, end);
  const uint32_t found = sse2::Hits(sse2::ControlBytes(sse2::Load(p)));
  if (found == 0) return sse2::SkipMoreValueBytes(p + sse2::kBlock, end);
  p += std::countr_zero(found);
  return *p == '\t' ? sse2::SkipMoreValueBytes(p, end) : p;
}

// Near the end of a text: the block that ends with it, without what is before `p`.
namespace sse2 {

inline const char* FirstOfLast(uint32_t block, const char* p, const char* end) {
  const uint32_t hits = block >> (kBlock - (end - p));
  return hits == 0 ? end : p + std::countr_zero(hits);
}

}  // namespace sse2

[[gnu::always_inline]] inline const char* SkipTokenBytes(std::string_view text, const char* p) {
  const char* const end = text.data() + text.size();
  if (end - p >= sse2::kBlock || text.size() < sse2::kBlock) return SkipTokenBytes(p, end);
  const __m128i block = sse2::Load(end - sse2::kBlock);
  p = sse2::FirstOfLast(sse2::Misses(sse2::WordBytes(block)), p, end);
  return p != end && IsTokenByte(*p) ? portable::SkipTokenBytes(p, end) : p;
}

[[gnu::always_inline]] inline const char* SkipValueBytes(std::string_view text, const char* p) {
  const char* const end = text.data() + text.size();
  if (end - p >= sse2::kBlock || text.size() < sse2::kBlock) return SkipValueBytes(p, end);
  const __m128i block = sse2::Load(end - sse2::kBlock);
  p = sse2::FirstOfLast(sse2::Hits(sse2::ControlBytes(block)), p, end);
  return p != end && *p == '\t' ? portable::SkipValueBytes(p, end) : p;
}

// The first `byte` of [p, end), or `end`; nearly always among the first sixteen.
[[gnu::always_inline]] inline const char* FindByte(const char* p, const char* end, char byte) {
  if (end - p < sse2::kBlock) return portable::FindByte(p, end, byte);
  const uint32_t found = sse2::Hits(sse2::Equal(sse2::Load(p), byte));
  return found != 0 ? p + std::countr_zero(found) : portable::FindByte(p + sse2::kBlock, end, byte);
}

#else

inline const char* SkipTokenBytes(std::string_view text, const char* p) {
  return portable::SkipTokenBytes(p, text.data() + text.size());
}

inline const char* SkipValueBytes(std::string_view text, const char* p) {
  return portable::SkipValueBytes(p, text.data() + text.size());
}

using portable::FindByte;
using portable::FindHeadEnd;
using portable::SkipTargetBytes;
using portable::SkipTokenBytes;
using portable::SkipValueBytes;

#endif  // __SSE2__

}  // namespace holdfast::http

#endif  // HOLDFAST_GATEWAY_HTTP_BYTE_SCAN_H_
