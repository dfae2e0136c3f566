#include "tests/gateway/compression/decoders.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cstdint>
#include <memory>

namespace holdfast::compression {
namespace {

constexpr size_t kRoom = 64 * 1024;

std::optional<Decoded> DecodeGzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return std::nullopt;
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> ending(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  Decoded decoded;
  std::array<char, kRoom> room;
  int result = Z_OK;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = room.size();
    result = inflate(&stream, Z_SYNC_FLUSH);
    if (result != Z_OK && result != Z_BUF_ERROR && result != Z_STREAM_END) return std::nullopt;
    decoded.text.append(room.data(), room.size() - stream.avail_out);
  } while (result == Z_OK && stream.avail_out == 0);
  decoded.complete = result == Z_STREAM_END;
  if (stream.avail_in > 0) return std::nullopt;
  return decoded;
}

std::optional<Decoded> DecodeZstd(std::string_view bytes) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  ZSTD_inBuffer from = {.src = bytes.data(), .size = bytes.size(), .pos = 0};
  Decoded decoded;
  std::array<char, kRoom> room;
  while (true) {
    ZSTD_outBuffer to = {.dst = room.data(), .size = room.size(), .pos = 0};
    const size_t left = ZSTD_decompressStream(context.get(), &to, &from);
    if (ZSTD_isError(left) != 0 || (left == 0 && from.pos < from.size)) return std::nullopt;
    decoded.text.append(room.data(), to.pos);
    decoded.complete = left == 0;
    if (left == 0 || (from.pos == from.size && to.pos < to.size)) return decoded;
  }
}

std::optional<Decoded> DecodeBrotli(std::string_view bytes) {
  const std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  size_t left = bytes.size();
  auto* next = reinterpret_cast<const uint8_t*>(bytes.data());
  Decoded decoded;
  std::array<char, kRoom> room;
  while (true) {
    size_t room_left = room.size();
    auto* out = reinterpret_cast<uint8_t*>(room.data());
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(state.get(), &left, &next, &room_left, &out, nullptr);
    if (result == BROTLI_DECODER_RESULT_ERROR) return std::nullopt;
    decoded.text.append(room.data(), room.size() - room_left);
    // A full room may hide more output behind a wish for input.
    if (room_left == 0) continue;
    decoded.complete = result == BROTLI_DECODER_RESULT_SUCCESS;
    if (left > 0) return std::nullopt;
    return decoded;
  }
}

}  // namespace

std::optional<Decoded> Decode(Coding coding, std::string_view bytes) {
  switch (coding) {
    case Coding::kIdentity: return Decoded{.text = std::string(bytes), .complete = true};
    case Coding::kGzip: return DecodeGzip(bytes);
    case Coding::kZstd: return DecodeZstd(bytes);
    case Coding::kBrotli: return DecodeBrotli(bytes);
  }
  return std::nullopt;
}

size_t ZstdWindow(std::string_view bytes) {
  // RFC 8878 section 3.1.1: the magic number, the header's descriptor, the window's. Encoded as a
  // stream, a frame has no length, and is no single segment.
  constexpr size_t kWindowDescriptor = 5;
  if (bytes.size() <= kWindowDescriptor) return 0;
  const auto descriptor = static_cast<unsigned char>(bytes[kWindowDescriptor]);
  const size_t base = size_t{1} << (10 + (descriptor >> 3));
  return base + base / 8 * (descriptor & 7);
}

}  // namespace holdfast::compression
