#include "tests/gateway/http2/support/http2_client.h"

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/support/deadline.h"

namespace holdfast::support {
namespace {

std::string_view Text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

std::vector<nghttp2_nv> Raw(const Http2Fields& fields) {
  std::vector<nghttp2_nv> raw;
  for (const auto& [name, value] : fields) {
    raw.push_back({reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                   reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                   value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return raw;
}

}  // namespace

std::string Http2Response::Value(std::string_view name) const {
  for (const auto& [key, value] : head) {
    if (key == name) return value;
  }
  return "";
}

int Http2Response::Status() const {
  int status = 0;
  const std::string text = Value(":status");
  std::from_chars(text.data(), text.data() + text.size(), status);
  return status;
}

struct Http2Client::State {
  struct Sending {
    std::string bytes;
    Http2Fields trailers;
    bool last = false;
    bool deferred = false;
  };

  static State& Of(void* user) { return *static_cast<State*>(user); }

  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                      void* user) {
    State& state = Of(user);
    state.section.emplace_back(Text(name, name_size), Text(value, value_size));
    (void)frame;
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    State& state = Of(user);
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: {
        Http2Response& response = state.responses[frame->hd.stream_id];
        Http2Fields section = std::exchange(state.section, {});
        if (!response.head.empty()) {
          response.trailers = std::move(section);
        } else if (!section.empty() && section[0].second.starts_with('1')) {
          response.interim.push_back(std::move(section));
        } else {
          response.head = std::move(section);
        }
        response.ended |= ends;
        return 0;
      }
      case NGHTTP2_DATA: state.responses[frame->hd.stream_id].ended |= ends; return 0;
      case NGHTTP2_GOAWAY:
        state.goaways.emplace_back(frame->goaway.error_code, frame->goaway.last_stream_id);
        return 0;
      case NGHTTP2_PING: state.pongs += (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 ? 1 : 0; return 0;
      case NGHTTP2_SETTINGS: state.greeted = true; return 0;
      default: return 0;
    }
  }
  static int OnData(nghttp2_session* session, uint8_t, int32_t stream, const uint8_t* bytes,
                    size_t size, void* user) {
    State& state = Of(user);
    state.responses[stream].body += Text(bytes, size);
    if (state.options.connection_window > 65'535 || state.options.reads_bodies) {
      nghttp2_session_consume_connection(session, size);
    }
    if (state.options.reads_bodies) nghttp2_session_consume_stream(session, stream, size);
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t stream, uint32_t code, void* user) {
    Http2Response& response = Of(user).responses[stream];
    if (!response.ended || code != NGHTTP2_NO_ERROR) response.reset = code;
    return 0;
  }
  static ssize_t OnRead(nghttp2_session* session, int32_t stream, uint8_t* bytes, size_t length,
                        uint32_t* flags, nghttp2_data_source*, void* user) {
    Sending& sending = Of(user).sending[stream];
    const size_t n = std::min(length, sending.bytes.size());
    if (n == 0 && !sending.last) {
      sending.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    std::memcpy(bytes, sending.bytes.data(), n);
    sending.bytes.erase(0, n);
    if (!sending.last || !sending.bytes.empty()) return static_cast<ssize_t>(n);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (sending.trailers.empty()) return static_cast<ssize_t>(n);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const auto raw = Raw(sending.trailers);
    nghttp2_submit_trailer(session, stream, raw.data(), raw.size());
    return static_cast<ssize_t>(n);
  }

  static ssize_t OnPad(nghttp2_session*, const nghttp2_frame* frame, size_t max, void* user) {
    const size_t padding = frame->hd.type == NGHTTP2_DATA ? Of(user).options.padding : 0;
    return static_cast<ssize_t>(std::min(max, frame->hd.length + padding));
  }

  WireSocket wire;
  Options options;
  nghttp2_session* session = nullptr;
  Http2Fields section;
  std::map<int32_t, Http2Response> responses;
  std::map<int32_t, Sending> sending;
  std::vector<std::pair<uint32_t, int32_t>> goaways;
  int pongs = 0;
  std::string unsent;
  bool greeted = false;
  bool ended = false;
};

Http2Client::Http2Client(std::string_view address, const Options& options)
    : Http2Client(Connect(address), options) {}

Http2Client::Http2Client(WireSocket wire, const Options& options)
    : state_(std::make_unique<State>()) {
  state_->wire = std::move(wire);
  state_->options = options;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &State::OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &State::OnFrame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &State::OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &State::OnClose);
  nghttp2_session_callbacks_set_select_padding_callback(callbacks, &State::OnPad);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_http_messaging(option, 1);
  nghttp2_option_set_max_send_header_block_length(option, 16 * 1024 * 1024);
  nghttp2_session_client_new2(&state_->session, callbacks, state_.get(), option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window},
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
  };
  nghttp2_submit_settings(state_->session, NGHTTP2_FLAG_NONE, settings, 2);
  nghttp2_session_set_local_window_size(state_->session, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(options.connection_window));
}

Http2Client::~Http2Client() { nghttp2_session_del(state_->session); }

WireSocket& Http2Client::wire() { return state_->wire; }
bool Http2Client::ended() const { return state_->ended; }

int32_t Http2Client::Send(const Http2Request& request) {
  Http2Fields fields = request.pseudo_fields;
  if (fields.empty()) {
    fields = {{":method", request.method},
              {":scheme", "http"},
              {":authority", request.authority},
              {":path", request.path}};
  }
  fields.insert(fields.end(), request.fields.begin(), request.fields.end());
  const auto raw = Raw(fields);
  nghttp2_data_provider body{.source = {.ptr = nullptr}, .read_callback = &State::OnRead};
  const bool has_body = request.body.has_value() || request.open || !request.trailers.empty();
  const int32_t stream = nghttp2_submit_request(state_->session, nullptr, raw.data(), raw.size(),
                                                has_body ? &body : nullptr, nullptr);
  EXPECT_GT(stream, 0) << nghttp2_strerror(stream);
  state_->sending[stream] = {
      .bytes = request.body.value_or(""), .trailers = request.trailers, .last = !request.open};
  return stream;
}

void Http2Client::SendBody(int32_t stream, std::string_view bytes, bool last) {
  State::Sending& sending = state_->sending[stream];
  sending.bytes += bytes;
  sending.last = last;
  if (std::exchange(sending.deferred, false)) {
    nghttp2_session_resume_data(state_->session, stream);
  }
}

void Http2Client::Reset(int32_t stream, uint32_t code) {
  nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, stream, code);
}

// nghttp2's own would leave it out before the peer's settings are there.
void Http2Client::Prioritise(int32_t stream, std::string_view priority) {
  constexpr char kPriorityUpdate = 0x10;
  Flush();
  std::string frame = {0, 0, static_cast<char>(4 + priority.size()), kPriorityUpdate, 0, 0, 0,
                       0, 0};
  for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift & 0xff);
  SendRaw(frame.append(priority));
}

void Http2Client::Flush() {
  while (true) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(state_->session, &bytes);
    ASSERT_GE(size, 0) << nghttp2_strerror(static_cast<int>(size));
    if (size == 0) return;
    if (!state_->wire.SendIfWanted(Text(bytes, static_cast<size_t>(size)))) return;
  }
}

void Http2Client::SendWhatFits() {
  std::string& unsent = state_->unsent;
  while (true) {
    unsent.erase(0, state_->wire.TrySend(unsent));
    if (!unsent.empty()) return;
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(state_->session, &bytes);
    ASSERT_GE(size, 0) << nghttp2_strerror(static_cast<int>(size));
    if (size == 0) return;
    unsent.assign(Text(bytes, static_cast<size_t>(size)));
  }
}

void Http2Client::TakeWhatIsThere() {
  uint8_t bytes[64 * 1024];
  while (!state_->ended) {
    const ssize_t size = recv(state_->wire.fd(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    state_->ended = size <= 0;
    if (state_->ended) return;
    const ssize_t taken =
        nghttp2_session_mem_recv(state_->session, bytes, static_cast<size_t>(size));
    ASSERT_EQ(taken, size) << nghttp2_strerror(static_cast<int>(taken));
  }
}

void Http2Client::Ping() { nghttp2_submit_ping(state_->session, NGHTTP2_FLAG_NONE, nullptr); }

void Http2Client::Leave() {
  nghttp2_submit_goaway(state_->session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
}

int32_t Http2Client::Room(int32_t stream) const {
  return stream == 0 ? nghttp2_session_get_remote_window_size(state_->session)
                     : nghttp2_session_get_stream_remote_window_size(state_->session, stream);
}

size_t Http2Client::Unsent(int32_t stream) const {
  const auto found = state_->sending.find(stream);
  return found == state_->sending.end() ? 0 : found->second.bytes.size();
}

const std::vector<std::pair<uint32_t, int32_t>>& Http2Client::goaways() const {
  return state_->goaways;
}

int Http2Client::pongs() const { return state_->pongs; }

void Http2Client::SendRaw(std::string_view bytes) { state_->wire.SendIfWanted(bytes); }

// False at the end of the connection.
bool Http2Client::Read() {
  const StreamEnd end = state_->wire.AwaitInput();
  if (!state_->wire.has_input()) {
    state_->ended = end != StreamEnd::kOpen;
    return false;
  }
  const std::string bytes = state_->wire.ReadSome(256 * 1024);
  const ssize_t taken = nghttp2_session_mem_recv(
      state_->session, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  EXPECT_GE(taken, 0) << nghttp2_strerror(static_cast<int>(taken));
  return taken >= 0;
}

template <class Condition>
void Http2Client::Await(const char* what, Condition condition) {
  Flush();
  while (!condition()) {
    if (!Read()) {
      ADD_FAILURE() << "the connection ended or was silent before " << what;
      return;
    }
    Flush();
  }
}

const Http2Response& Http2Client::Await(int32_t stream) {
  Http2Response& response = state_->responses[stream];
  Await("the response", [&] { return response.ended || response.reset.has_value(); });
  return response;
}

const Http2Response& Http2Client::At(int32_t stream) { return state_->responses[stream]; }

void Http2Client::AwaitHead(int32_t stream) {
  Await("the head", [&] { return !state_->responses[stream].head.empty(); });
}

void Http2Client::AwaitBody(int32_t stream, size_t bytes) {
  Await("so much of the body", [&] { return state_->responses[stream].body.size() >= bytes; });
}

void Http2Client::Grant(int32_t stream, size_t bytes) {
  nghttp2_session_consume_stream(state_->session, stream, bytes);
  Flush();
}

void Http2Client::GrantConnection(size_t bytes) {
  nghttp2_session_consume_connection(state_->session, bytes);
}

uint32_t Http2Client::AwaitGoaway(int32_t* last) {
  Await("GOAWAY", [&] { return !state_->goaways.empty(); });
  if (state_->goaways.empty()) return 0xffffffff;
  if (last != nullptr) *last = state_->goaways.back().second;
  return state_->goaways.back().first;
}

void Http2Client::AwaitEnd() {
  Flush();
  while (!state_->ended && Read()) Flush();
  EXPECT_TRUE(state_->ended);
}

uint32_t Http2Client::AwaitMaxStreams() {
  Await("SETTINGS", [&] { return state_->greeted; });
  return nghttp2_session_get_remote_settings(state_->session,
                                             NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

}  // namespace holdfast::support
