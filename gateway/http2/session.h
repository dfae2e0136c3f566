#ifndef HOLDFAST_GATEWAY_HTTP2_SESSION_H_
#define HOLDFAST_GATEWAY_HTTP2_SESSION_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "gateway/http2/field_lines.h"
#include "gateway/http2/flood_guard.h"
#include "gateway/http2/limits.h"
#include "gateway/http2/stream.h"
#include "pool/net/connection.h"
#include "pool/net/event_loop.h"
#include "pool/net/intrusive_list.h"

namespace holdfast::http2 {

// Hears at the end of a turn that a session has news: streams (NextReady) or its end (over). May
// end exchanges and streams, and put the session aside by DestroyLater.
class SessionOwner {
 public:
  virtual void OnSessionNews() = 0;

 protected:
  ~SessionOwner() = default;
};

// One connection's HTTP/2, either side: frames, fields and windows by nghttp2, streams as ours.
// What all streams have to send in a turn leaves in one write at its end.
//
// Frames are taken apart without calling anybody: what they mean is noted with the streams, and who
// owns the session then asks NextReady. One thread. The connection and the owner outlive it;
// destruction loses all streams, which nobody may use by then.
class Session {
 public:
  // Given to the connection before it is asked whether it is congested.
  static constexpr size_t kOutBytes = 64 * 1024;
  // What waits unframed and still counts as sent, once our message is complete.
  static constexpr size_t kSettledBytes = 16 * 1024;
  // What all streams may have waiting unframed; beyond that each that has anything waits.
  static constexpr size_t kUnframedBytes = 1024 * 1024;
  // Frames of our own that wait, beside those of streams: a peer that makes more of them than it
  // takes is not served.
  static constexpr size_t kMaxQueued = 2'000;
  // Reads in one go, so that one client does not hold up the others.
  static constexpr int kMaxReads = 4;

  virtual ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes what has come on the connection; then look for news.
  void Receive();
  // Sends what can be sent, at the end of this turn.
  void SendSoon() { loop_->Queue(send_task_); }
  // Looks before it sends what may be there already.
  void ReceiveSoon() {
    read_on_ = true;
    SendSoon();
  }
  // The next stream that has news since it was last given, or null.
  Stream* NextReady();
  // The peer's first settings have come.
  bool greeted() const { return greeted_; }
  // The peer has answered what AnnounceEnd asked, so that it has read that, too.
  bool end_noticed() const { return end_noticed_; }
  // New streams are no longer welcome, by AnnounceEnd or because of what the peer does.
  bool end_announced() const { return end_announced_; }
  // Since when the rest of a section of fields is awaited, with which nothing else may come.
  std::optional<pool::TimePoint> fields_since() const {
    return fields_of_ != 0 ? std::optional(fields_since_) : std::nullopt;
  }
  // Nothing comes or goes any more: the connection ended, or both sides have said goodbye and all
  // was sent.
  bool over() const { return lost_ || (done_ && connection_->out().empty()); }
  // How, with over: against the rules.
  bool failed() const { return failed_; }
  // The peer has broken the rules of the connection; our last frame says so.
  const char* broken_word() const { return broken_word_; }
  // It has done so by doing too much that it gains nothing by.
  bool flooded() const { return flooded_; }
  FloodGuard& guard() { return guard_; }
  // Streams that are not over in the books of both sides.
  size_t streams() const { return all_.size(); }
  pool::Connection& connection() { return *connection_; }
  const Limits& limits() const { return limits_; }
  FieldLines& lines() { return lines_; }

  // The first of two steps (RFC 9113 section 6.8): no new streams, please; those that are under way
  // may still be. Then, a round trip later, those that came are the last.
  void AnnounceEnd();
  void RefuseNewStreams();
  // The connection ends with this code, once that was sent.
  void Terminate(uint32_t code);
  // Ends without another word: all streams are lost. Fail: because of the peer.
  void Lose();
  void Fail();

 protected:
  enum class Role : uint8_t { kServer, kClient };
  Session(Role role, pool::EventLoop* loop, pool::SlabPool* slabs, pool::Connection* connection,
          SessionOwner* owner, const Limits& limits);

  // A new stream of the peer's, or null: it is refused.
  virtual Stream* OnNewStream(int32_t id) = 0;
  virtual void OnGoAway(int32_t last_stream, uint32_t code) = 0;
  // The peer has said of a stream of its own, which may be still to come, what nghttp2 keeps to.
  virtual void OnPriorityUpdate(int32_t id) = 0;
  // The peer has done three quarters of what ends a connection.
  virtual void OnUnwelcome() = 0;

  void Note(Glitch glitch);
  // Those whose head has not left are as good as refused.
  void LoseUnsent();
  void ResetStream(int32_t id, uint32_t code);
  void RefuseData(Stream& stream);
  // The connection is closed right after this: GOAWAY, as far as it leaves at once.
  void SayGoodbye();
  // A PING, whose answer has so many bytes.
  static constexpr size_t kPingBytes = 17;
  void Ask();

  nghttp2_session* raw() const { return session_.get(); }
  pool::SlabPool* slabs() const { return slabs_; }
  pool::EventLoop* loop() const { return loop_; }

 private:
  friend class Stream;
  friend struct Callbacks;
  struct Deleter {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  void Link(Stream& stream);
  void NoteReady(Stream& stream);
  // Of the books of both sides and, if nobody uses it, of ours.
  void Forget(Stream& stream);
  void Consume(Stream& stream, size_t bytes);
  // A stream whose reader has taken a whole window and left nothing gets twice the window, up to a
  // quarter of the connection's, out of what all streams have for that in common: as much as the
  // connection's.
  void LetGrow(Stream& stream, size_t taken);
  // It is over in nghttp2's books, and was not answered to its end.
  void LoseStream(Stream& stream, uint32_t code);
  // Our message has been framed to its end.
  void OnFramed(Stream& stream);
  bool FitsWindows(const Stream& stream) const;

  // Whether one more stream of the peer's may begin now.
  bool MayBegin();
  // As Terminate, from within what nghttp2 calls.
  void TerminateSoon(uint32_t code);
  void TerminateIfDue();
  void Feed();
  void Send();
  // Frames until the connection has enough; false when nothing is left.
  bool Frame();

  const Role role_;
  pool::EventLoop* loop_;
  pool::SlabPool* slabs_;
  pool::Connection* connection_;
  SessionOwner* owner_;
  Limits limits_;
  FieldLines lines_;
  FloodGuard guard_;
  uint32_t begun_ = 0;         // streams of the peer's, in this read
  uint32_t windows_more_ = 0;  // of all streams
  pool::IntrusiveList<StreamPlace> all_;
  pool::IntrusiveList<Stream> ready_;
  pool::MemberTask<Session, &Session::Send> send_task_{this};
  int32_t fields_of_ = 0;  // whose section of fields has begun; 0: none
  // To whom they are given: null for one that was refused, or is lost by now.
  Stream* fields_stream_ = nullptr;
  pool::TimePoint fields_since_;
  size_t unframed_ = 0;  // bytes that all streams have to send
  uint32_t ending_ = 0;  // the code to end with as soon as nghttp2 has returned; 0: none
  bool greeted_ = false;
  bool flooded_ = false;
  bool end_announced_ = false;
  bool new_refused_ = false;
  bool end_asked_ = false;  // the question is to follow the announcement
  bool end_noticed_ = false;
  bool lost_ = false;
  bool failed_ = false;
  bool done_ = false;     // nghttp2 has nothing to do any more
  bool read_on_ = false;  // more waits to be read than one turn may
  const char* broken_word_ = nullptr;
  std::unique_ptr<nghttp2_session, Deleter> session_;
};

}  // namespace holdfast::http2

#endif  // HOLDFAST_GATEWAY_HTTP2_SESSION_H_
