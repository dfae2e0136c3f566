#include "gateway/http2/session.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "gateway/http2/session_memory.h"
#include "pool/net/check.h"

namespace holdfast::http2 {

using pool::FillStatus;
using pool::FlushStatus;

namespace {

constexpr size_t kFrameHeadBytes = 9;
// What the peer may make us answer before it reads the answers, and say in one frame.
constexpr size_t kMaxOutboundAcks = 64;
constexpr size_t kMaxSettings = 32;
constexpr uint64_t kAnyNumber = 1'000'000'000;
// A head of ours that is longer is an upstream's or a client's that was let through at that.
constexpr size_t kMaxSentHeadBytes = 1024 * 1024;
// A stream's window is at the most this part of the connection's, unless it is configured larger: a
// few that are not read must not keep all others waiting.
constexpr uint32_t kShareOfOne = 4;
constexpr int32_t kDefaultConnectionWindow = NGHTTP2_INITIAL_CONNECTION_WINDOW_SIZE;

// Of a reset of ours.
bool IsPeersFault(uint32_t code) {
  switch (code) {
    case NGHTTP2_PROTOCOL_ERROR:
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_STREAM_CLOSED:
    case NGHTTP2_FRAME_SIZE_ERROR:
    case NGHTTP2_COMPRESSION_ERROR: return true;
    default: return false;
  }
}

std::string_view Text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

struct OptionDeleter {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};
struct CallbacksDeleter {
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};

std::unique_ptr<nghttp2_option, OptionDeleter> Options() {
  nghttp2_option* option = nullptr;
  HOLDFAST_CHECK(nghttp2_option_new(&option) == 0);
  // Windows open as what came is passed on, not as it comes.
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  // Fields are judged by HeadText and the parser, bodies by their stream: each with a word for what
  // is wrong.
  nghttp2_option_set_no_http_messaging(option, 1);
  // Ours is in flood_guard.
  nghttp2_option_set_stream_reset_rate_limit(option, kAnyNumber, kAnyNumber);
  nghttp2_option_set_builtin_recv_extension_type(option, NGHTTP2_PRIORITY_UPDATE);
  nghttp2_option_set_max_outbound_ack(option, kMaxOutboundAcks);
  nghttp2_option_set_max_settings(option, kMaxSettings);
  nghttp2_option_set_max_send_header_block_length(option, kMaxSentHeadBytes);
  return std::unique_ptr<nghttp2_option, OptionDeleter>(option);
}

}  // namespace

// What nghttp2 calls while it takes frames apart or makes them.
struct Callbacks {
  static Session& Of(void* user) { return *static_cast<Session*>(user); }
  static Stream* StreamOf(nghttp2_session* session, int32_t id) {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int OnBeginHeaders(nghttp2_session* raw, const nghttp2_frame* frame, void* user) {
    Session& session = Of(user);
    if (frame->hd.type != NGHTTP2_HEADERS) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const int32_t id = frame->hd.stream_id;
    Stream* stream = StreamOf(raw, id);
    if (stream == nullptr && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      stream = session.MayBegin() ? session.OnNewStream(id) : nullptr;
      nghttp2_session_set_stream_user_data(raw, id, stream);
      if (stream == nullptr) {
        session.Note(Glitch::kRefused);
        session.ResetStream(id, NGHTTP2_REFUSED_STREAM);
      }
    }
    if (stream != nullptr) stream->OnFieldsBegin();
    session.fields_of_ = id;
    session.fields_stream_ = stream;
    session.fields_since_ = session.loop_->now();
    return 0;
  }

  // Always after OnBeginHeaders of the same stream.
  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t flags, void* user) {
    Stream* const stream = Of(user).fields_stream_;
    if (stream == nullptr) return 0;
    stream->OnField({.name = Text(name, name_size),
                     .value = Text(value, value_size),
                     .never_indexed = (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0});
    return 0;
  }

  // PRIORITY is ignored since both sides have said so, but still has rules and a cost.
  static int OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    Session& session = Of(user);
    // Within a section of fields there are no other frames: this one ends it, or never does.
    if (head->type != NGHTTP2_CONTINUATION) session.fields_of_ = 0;
    if (head->type != NGHTTP2_PRIORITY) return 0;
    session.Note(Glitch::kPriority);
    if (head->stream_id == 0) {
      session.failed_ = true;
      session.TerminateSoon(NGHTTP2_PROTOCOL_ERROR);
    }
    return 0;
  }

  // What nghttp2 answers by itself: streams beyond the limit before the peer has seen it.
  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int error, void* user) {
    if (error == NGHTTP2_ERR_REFUSED_STREAM) Of(user).Note(Glitch::kRefused);
    return 0;
  }

  // A request is about to be framed.
  static int OnBeforeSend(nghttp2_session* raw, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Stream* const stream = StreamOf(raw, frame->hd.stream_id);
    if (stream != nullptr) stream->OnHeadFraming();
    return 0;
  }

  static int OnFrame(nghttp2_session* raw, const nghttp2_frame* frame, void* user) {
    Session& session = Of(user);
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA: {
        if (frame->hd.type == NGHTTP2_HEADERS) session.fields_of_ = 0;
        if (frame->hd.type == NGHTTP2_DATA && !ends && frame->hd.length <= frame->data.padlen) {
          session.Note(Glitch::kEmptyData);
        }
        Stream* const stream = StreamOf(raw, frame->hd.stream_id);
        if (stream == nullptr) return 0;
        if (frame->hd.type == NGHTTP2_HEADERS && !stream->OnFieldsEnd(ends)) {
          session.ResetStream(frame->hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
          return 0;
        }
        if (frame->hd.type == NGHTTP2_DATA && ends && !stream->MayHaveBody()) {
          session.RefuseData(*stream);
          return 0;
        }
        stream->end_received_ |= ends;
        stream->CheckLength();
        session.NoteReady(*stream);
        return 0;
      }
      case NGHTTP2_RST_STREAM:
        if (Stream* const stream = StreamOf(raw, frame->hd.stream_id); stream != nullptr) {
          stream->peer_reset_ = true;
        }
        // An upstream may refuse or give up what it was asked for.
        if (session.role_ == Session::Role::kServer) session.Note(Glitch::kReset);
        return 0;
      case NGHTTP2_GOAWAY:
        session.SendSoon();  // which finds that all is over
        session.OnGoAway(frame->goaway.last_stream_id, frame->goaway.error_code);
        return 0;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) return 0;
        if (session.greeted_) session.Note(Glitch::kSettings);
        session.greeted_ = true;
        return 0;
      case NGHTTP2_PRIORITY_UPDATE:
        session.Note(Glitch::kPriority);
        session.OnPriorityUpdate(
            static_cast<nghttp2_ext_priority_update*>(frame->ext.payload)->stream_id);
        return 0;
      case NGHTTP2_WINDOW_UPDATE:
        if (session.guard_.SpendUpdate()) session.Note(Glitch::kWindowUpdate);
        return 0;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0 && session.guard_.SpendPing()) {
          session.Note(Glitch::kPing);
        }
        session.end_noticed_ |= session.end_announced_ && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
        return 0;
      default: return 0;
    }
  }

  static int OnData(nghttp2_session* raw, uint8_t, int32_t id, const uint8_t* bytes, size_t size,
                    void* user) {
    Session& session = Of(user);
    Stream* const stream = StreamOf(raw, id);
    if (stream == nullptr || stream->released_) {
      if (stream != nullptr) stream->received_ += size;
      nghttp2_session_consume(raw, id, size);
      session.SendSoon();
      return 0;
    }
    if (!stream->MayHaveBody()) {
      nghttp2_session_consume(raw, id, size);
      session.RefuseData(*stream);
      return 0;
    }
    // An upstream's connection goes on although one of its many clients reads slowly: what is
    // stored for a stream is no more than its own window.
    if (session.role_ == Session::Role::kClient) nghttp2_session_consume_connection(raw, size);
    stream->GiveWindow();
    stream->in_.Append(Text(bytes, size));
    stream->in_known_ += size;
    stream->received_ += size;
    stream->CheckLength();
    if (stream->fault_ != http::Refusal::kNone) {
      stream->in_.Clear();
      stream->GiveWindow();
    }
    session.NoteReady(*stream);
    return 0;
  }

  static int OnClose(nghttp2_session* raw, int32_t id, uint32_t code, void* user) {
    Session& session = Of(user);
    if (session.fields_of_ == id) session.fields_of_ = 0;
    Stream* const stream = StreamOf(raw, id);
    if (stream == nullptr) return 0;
    nghttp2_session_set_stream_user_data(raw, id, nullptr);
    if (session.fields_stream_ == stream) session.fields_stream_ = nullptr;
    const bool whole = stream->end_received_ && stream->framed_;
    stream->closed_ = true;
    session.windows_more_ -= std::exchange(stream->window_more_, 0);
    if (!whole) {
      stream->lost_ = true;
      stream->reset_code_ = code;
      stream->DropUnframed();
    }
    if (stream->released_) {
      session.Forget(*stream);
    } else {
      session.NoteReady(*stream);
    }
    return 0;
  }

  static int OnSent(nghttp2_session* raw, const nghttp2_frame* frame, void* user) {
    if (Of(user).role_ == Session::Role::kServer && frame->hd.type == NGHTTP2_RST_STREAM &&
        IsPeersFault(frame->rst_stream.error_code)) {
      Of(user).Note(Glitch::kReset);
    }
    // nghttp2 says so by itself when frames break the rules.
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
      Of(user).failed_ = true;
      Of(user).broken_word_ = nghttp2_http2_strerror(frame->goaway.error_code);
    }
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      // PING overtakes what waits, so that it is asked only now.
      if (std::exchange(Of(user).end_asked_, false)) {
        nghttp2_submit_ping(raw, NGHTTP2_FLAG_NONE, nullptr);
      }
    }
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    const bool message = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    if (!ends || !message) return 0;
    Stream* const stream = StreamOf(raw, frame->hd.stream_id);
    if (stream != nullptr) Of(user).OnFramed(*stream);
    return 0;
  }

  // Of what could not be framed nothing else would tell.
  static int OnNotSent(nghttp2_session* raw, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    Stream* const stream = StreamOf(raw, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    // A request that may not be sent: the peer knows nothing of it, and nghttp2 closes it.
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) return 0;
    Of(user).ResetStream(frame->hd.stream_id, NGHTTP2_INTERNAL_ERROR);
    return 0;
  }

  static int OnSendData(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t length,
                        nghttp2_data_source* source, void* user) {
    Session& session = Of(user);
    auto* const stream = static_cast<Stream*>(source->ptr);
    pool::Buffer& out = session.connection_->out();
    // nghttp2 itself would go on as far as the windows reach.
    if (out.size() >= Session::kOutBytes) return NGHTTP2_ERR_WOULDBLOCK;
    out.Append(Text(head, kFrameHeadBytes));
    out.MoveFrom(stream->out_, length);
    session.unframed_ -= length;
    session.guard_.NoteSentData(length);
    if (stream->wants_room_ && stream->out_.size() <= stream::kLowWatermark) {
      stream->wants_room_ = false;
      session.NoteReady(*stream);
    }
    return 0;
  }

  // The same for all sessions, which copy them.
  static const nghttp2_session_callbacks* All() {
    static const auto callbacks = Make();
    return callbacks.get();
  }
  static std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter> Make() {
    nghttp2_session_callbacks* callbacks = nullptr;
    HOLDFAST_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &OnBeginHeaders);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &OnBeginFrame);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnClose);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, &OnInvalidFrame);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, &OnBeforeSend);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &OnSent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &OnNotSent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, &OnSendData);
    return std::unique_ptr<nghttp2_session_callbacks, CallbacksDeleter>(callbacks);
  }
};

Session::Session(Role role, pool::EventLoop* loop, pool::SlabPool* slabs,
                 pool::Connection* connection, SessionOwner* owner, const Limits& limits)
    : role_(role),
      loop_(loop),
      slabs_(slabs),
      connection_(connection),
      owner_(owner),
      limits_(limits),
      guard_(limits) {
  static const auto options = Options();
  nghttp2_session* raw = nullptr;
  const int made = role == Role::kServer
                       ? nghttp2_session_server_new3(&raw, Callbacks::All(), this, options.get(),
                                                     SessionMemory())
                       : nghttp2_session_client_new3(&raw, Callbacks::All(), this, options.get(),
                                                     SessionMemory());
  HOLDFAST_CHECK(made == 0);
  session_.reset(raw);
  std::array<nghttp2_settings_entry, 5> settings = {{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.max_head_bytes},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_concurrent_streams},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
  }};
  size_t entries = settings.size();
  if (role == Role::kClient) {
    settings[3] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
    entries = 4;
  }
  HOLDFAST_CHECK(nghttp2_submit_settings(raw, NGHTTP2_FLAG_NONE, settings.data(), entries) == 0);
  if (limits.connection_window > static_cast<uint32_t>(kDefaultConnectionWindow)) {
    nghttp2_session_set_local_window_size(raw, NGHTTP2_FLAG_NONE, 0,
                                          static_cast<int32_t>(limits.connection_window));
  }
  SendSoon();
}

Session::~Session() {
  Lose();
  HOLDFAST_CHECK(all_.empty());
}

void Session::Note(Glitch glitch) {
  switch (guard_.Note(glitch, loop_->now())) {
    case FloodGuard::Verdict::kFine:
    case FloodGuard::Verdict::kRefuse: return;
    case FloodGuard::Verdict::kGoodbye: OnUnwelcome(); return;
    case FloodGuard::Verdict::kEnd: break;
  }
  if (std::exchange(flooded_, true)) return;
  failed_ = true;
  TerminateSoon(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Session::TerminateSoon(uint32_t code) {
  if (ending_ == 0) ending_ = code;
  SendSoon();
}

void Session::TerminateIfDue() {
  if (ending_ != 0 && !lost_) Terminate(std::exchange(ending_, 0));
}

// A peer that opens and resets never has many streams open, so those of one read are counted, too.
bool Session::MayBegin() {
  return begun_++ < 2 * limits_.max_concurrent_streams &&
         guard_.Judge(loop_->now()) == FloodGuard::Verdict::kFine;
}

void Session::Receive() {
  begun_ = 0;
  for (int reads = 0; reads < kMaxReads && !lost_; ++reads) {
    if (connection_->in().empty()) {
      if (!connection_->readable()) break;
      switch (connection_->Fill(pool::Connection::kMaxReadBytes)) {
        case FillStatus::kRead:
        case FillStatus::kFull: break;
        case FillStatus::kWouldBlock: break;
        case FillStatus::kEndOfStream:
        case FillStatus::kError:
          // What a server says first are its settings; this one has said something else.
          failed_ |= role_ == Role::kClient && !greeted_ && connection_->bytes_read() > 0;
          return Lose();
      }
      if (connection_->in().empty()) break;
    }
    Feed();
  }
  // What is left there brings no readiness of its own.
  if (!lost_ && (connection_->readable() || !connection_->in().empty())) read_on_ = true;
  if (nghttp2_session_want_write(raw()) != 0 || read_on_) SendSoon();
}

void Session::Feed() {
  pool::Buffer& in = connection_->in();
  // What a flood goes on with is not looked at.
  while (!in.empty() && !done_ && !flooded_) {
    const std::string_view bytes = in.Front();
    const ssize_t taken = nghttp2_session_mem_recv(
        raw(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    if (taken < 0) {
      failed_ = true;
      broken_word_ = nghttp2_strerror(static_cast<int>(taken));
      flooded_ |= taken == NGHTTP2_ERR_FLOODED;
      if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC || taken == NGHTTP2_ERR_NOMEM) return Lose();
      Terminate(taken == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
      in.Clear();
      return;
    }
    in.Consume(static_cast<size_t>(taken));
    TerminateIfDue();
    if (role_ == Role::kServer && !flooded_ &&
        nghttp2_session_get_outbound_queue_size(raw()) >
            kMaxQueued + limits_.max_concurrent_streams) {
      flooded_ = failed_ = true;
      Terminate(NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }
  if (done_ || flooded_) in.Clear();
}

void Session::Terminate(uint32_t code) {
  nghttp2_session_terminate_session(raw(), code);
  SendSoon();
}

void Session::AnnounceEnd() {
  end_asked_ = !std::exchange(end_announced_, true);
  nghttp2_submit_shutdown_notice(raw());
  SendSoon();
}

void Session::RefuseNewStreams() {
  new_refused_ = true;
  nghttp2_submit_goaway(raw(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(raw()),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  SendSoon();
}

Stream* Session::NextReady() {
  Stream* const stream = ready_.front();
  if (stream != nullptr) ready_.Remove(*stream);
  return stream;
}

void Session::Link(Stream& stream) { all_.PushBack(stream); }

void Session::NoteReady(Stream& stream) {
  if (stream.released_ || ready_.Contains(stream)) return;
  ready_.PushBack(stream);
}

void Session::Forget(Stream& stream) {
  if (ready_.Contains(stream)) ready_.Remove(stream);
  all_.Remove(stream);
  stream.OnForgotten();
}

// Data before a final head, if only the end of none (RFC 9113 section 8.1).
void Session::RefuseData(Stream& stream) {
  stream.fault_ = http::Refusal::kIncompleteHead;
  ResetStream(stream.id_, NGHTTP2_PROTOCOL_ERROR);
  NoteReady(stream);
}

void Session::ResetStream(int32_t id, uint32_t code) {
  nghttp2_submit_rst_stream(raw(), NGHTTP2_FLAG_NONE, id, code);
  SendSoon();
}

void Session::Consume(Stream& stream, size_t bytes) {
  if (lost_) return;
  if (!stream.closed_) {
    LetGrow(stream, bytes);
    nghttp2_session_consume_stream(raw(), stream.id_, bytes);
  }
  if (role_ == Role::kServer) nghttp2_session_consume_connection(raw(), bytes);
  SendSoon();
}

void Session::LetGrow(Stream& stream, size_t taken) {
  // A reader that leaves something behind does not keep up.
  stream.taken_ = stream.in_.empty() ? stream.taken_ + taken : 0;
  const uint32_t window = limits_.stream_window + stream.window_more_;
  if (stream.taken_ < window || stream.end_received_ || stream.released_) return;
  // Before the peer has seen our settings it is another one.
  if (nghttp2_session_get_stream_effective_local_window_size(raw(), stream.id_) !=
      static_cast<int32_t>(window)) {
    return;
  }
  stream.taken_ = 0;
  const uint32_t most = limits_.connection_window / kShareOfOne;
  const uint32_t in_common = limits_.connection_window - windows_more_;
  if (window >= most || in_common == 0) return;
  const uint32_t more = std::min({window, most - window, in_common});
  stream.window_more_ += more;
  windows_more_ += more;
  nghttp2_session_set_local_window_size(raw(), NGHTTP2_FLAG_NONE, stream.id_,
                                        static_cast<int32_t>(window + more));
}

// The rest of what the peer has to say is of no interest (RFC 9113 section 8.1).
void Session::OnFramed(Stream& stream) {
  stream.framed_ = true;
  const bool faulty = stream.fault_ != http::Refusal::kNone;
  if (stream.released_ && !stream.closed_ && (faulty || !stream.end_received_)) {
    ResetStream(stream.id_, faulty ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_NO_ERROR);
  }
  if (!stream.wants_room_) return;
  stream.wants_room_ = false;
  NoteReady(stream);
}

bool Session::FitsWindows(const Stream& stream) const {
  const auto bytes = static_cast<int32_t>(stream.out_.size());
  return connection_->out().size() < kOutBytes &&
         nghttp2_session_get_stream_remote_window_size(raw(), stream.id_) >= bytes &&
         nghttp2_session_get_remote_window_size(raw()) >= bytes;
}

void Session::Ask() {
  nghttp2_submit_ping(raw(), NGHTTP2_FLAG_NONE, nullptr);
  SendSoon();
}

void Session::SayGoodbye() {
  nghttp2_submit_goaway(raw(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(raw()),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  Frame();
  if (!lost_) connection_->Flush();
}

void Session::Fail() {
  failed_ = true;
  Lose();
}

void Session::LoseStream(Stream& stream, uint32_t code) {
  nghttp2_session_set_stream_user_data(raw(), stream.id_, nullptr);
  if (fields_stream_ == &stream) fields_stream_ = nullptr;
  windows_more_ -= std::exchange(stream.window_more_, 0);
  stream.closed_ = true;
  if (!stream.lost_) stream.reset_code_ = code;
  stream.lost_ = true;
  stream.DropUnframed();
  if (stream.released_) {
    Forget(stream);
  } else {
    NoteReady(stream);
  }
}

// nghttp2 would tell of them only when it is their turn, which may never come.
void Session::LoseUnsent() {
  for (StreamPlace* place = all_.front(); place != nullptr;) {
    Stream& stream = *place->stream();
    place = decltype(all_)::Next(*place);
    if (!stream.closed_ && !stream.HeadFramed()) LoseStream(stream, NGHTTP2_REFUSED_STREAM);
  }
}

void Session::Lose() {
  if (lost_) return;
  lost_ = true;
  for (StreamPlace* place = all_.front(); place != nullptr;) {
    Stream& stream = *place->stream();
    place = decltype(all_)::Next(*place);
    if (!stream.closed_) LoseStream(stream, NGHTTP2_INTERNAL_ERROR);  // Of others it is known.
  }
}

bool Session::Frame() {
  pool::Buffer& out = connection_->out();
  while (out.size() < kOutBytes) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(raw(), &bytes);
    if (size < 0) {
      failed_ = true;
      Lose();
      return false;
    }
    if (size == 0) return out.size() >= kOutBytes;
    out.Append(Text(bytes, static_cast<size_t>(size)));
  }
  return true;
}

void Session::Send() {
  if (std::exchange(read_on_, false)) Receive();
  TerminateIfDue();
  for (int round = 0; !lost_; ++round) {
    const bool more = Frame();
    if (lost_) break;
    const FlushStatus flushed = connection_->Flush();
    if (flushed == FlushStatus::kError) Lose();
    if (flushed != FlushStatus::kDone || !more) break;
    if (round == kMaxReads) {
      SendSoon();
      break;
    }
  }
  if (!lost_) {
    // Between the two steps of a goodbye a request may be on its way, which nghttp2 does not wait
    // for.
    const bool between_steps = end_announced_ && !new_refused_ && !failed_;
    done_ = !between_steps && nghttp2_session_want_read(raw()) == 0 &&
            nghttp2_session_want_write(raw()) == 0;
  }
  owner_->OnSessionNews();
}

}  // namespace holdfast::http2
