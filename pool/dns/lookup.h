#ifndef HOLDFAST_POOL_DNS_LOOKUP_H_
#define HOLDFAST_POOL_DNS_LOOKUP_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pool/dns/dns_answer.h"
#include "pool/dns/dns_question.h"
#include "pool/dns/resolver.h"
#include "pool/dns/search_list.h"
#include "pool/net/event_loop.h"
#include "pool/net/timer_wheel.h"

namespace holdfast::pool {

class Lookup;

// What a look-up tells its owner, from the loop and never inside a call of the look-up.
class LookupEvents {
 public:
  // The search goes on: the questions of candidate() are to be asked.
  virtual void OnNextCandidate(Lookup& lookup) = 0;
  // The look-up has its answer; the owner lets go of it and calls Deliver.
  virtual void OnAnswered(Lookup& lookup) = 0;

 protected:
  ~LookupEvents() = default;
};

// One call of Resolve or ResolveSrv: its search, the questions of the current candidate and the
// answer. It asks nobody itself and is told every reply.
//
// Thread: the loop's. Owned by a LookupQueue. Destruction forgets the callback. The answer is
// delivered as a task of the loop, never from inside a reply.
class Lookup final : public Task, public std::enable_shared_from_this<Lookup> {
 public:
  enum class State : uint8_t { kWaiting, kAsked, kAnswered };
  // What follows from a reply.
  enum class Step : uint8_t { kWait, kNextCandidate, kAnswered };

  // How long one family's answer waits for the other's before it is told, or before the search goes
  // on where the name was said not to exist (RFC 8305 section 3: Resolution Delay).
  static constexpr Duration kResolutionDelay = std::chrono::milliseconds(50);

  // For addresses, A and AAAA together. `loop` and `events` must outlive it.
  Lookup(EventLoop* loop, LookupEvents* events, std::string name, uint16_t port,
         Resolver::Callback callback);
  // For services.
  Lookup(EventLoop* loop, LookupEvents* events, std::string name, Resolver::SrvCallback callback);

  const std::string& name() const { return name_; }
  uint16_t port() const { return port_; }
  bool srv() const { return std::holds_alternative<Resolver::SrvCallback>(callback_); }
  State state() const { return state_; }

  // Its turn has come (kWaiting -> kAsked).
  void Start();

  // Begins the search; again, when the servers have changed. `known`: see NameSearch.
  void BeginSearch(const SearchList& list, std::string known);
  // Begins the questions of the candidate: replies to those before do not count any more. Returns
  // the number of this round.
  uint64_t BeginRound();
  uint64_t round() const { return round_; }
  const std::string& candidate() const { return search_->candidate(); }
  // The questions of one candidate.
  size_t questions() const { return parts_.size(); }
  QuestionType type(size_t question) const { return parts_[question].type; }

  // The reply to a question of this round. With kNextCandidate the owner asks the questions of
  // candidate().
  Step Take(size_t question, Records records);
  // Answers without a question.
  void AnswerWith(AddressAnswer answer) { Finish(std::move(answer)); }

  // The candidate that had the name, where there were several; null: none did yet.
  const std::string* chosen() const;

  // Calls the callback with the answer, which may destroy the owner and the loop's other objects.
  void Deliver();

 private:
  friend class LookupQueue;

  // The question for one type of record, of the current candidate.
  struct Part {
    QuestionType type;
    bool answered = false;
    Records records = {};
  };

  void Run() override { events_->OnAnswered(*this); }
  void OnDelay(TimePoint now);
  const Part* Find(bool (*test)(const Part&)) const;
  const Part* FindOk() const;
  void MoveTo(State next);
  Step Conclude();
  Step Found();
  Step NotFound(ResolveStatus status, const std::string& detail);
  void Finish(std::variant<AddressAnswer, SrvAnswer> answer);

  EventLoop* const loop_;
  LookupEvents* const events_;
  const std::string name_;
  const uint16_t port_;
  std::variant<Resolver::Callback, Resolver::SrvCallback> callback_;
  State state_ = State::kWaiting;
  std::optional<NameSearch> search_;  // since it was asked
  uint64_t round_ = 0;
  std::vector<Part> parts_;
  size_t unanswered_ = 0;  // of the parts
  std::variant<AddressAnswer, SrvAnswer> answer_;
  std::list<std::shared_ptr<Lookup>>::iterator place_;  // in the queue
  MemberTimer<Lookup, &Lookup::OnDelay> delay_{this};   // while one family waits for the other
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_DNS_LOOKUP_H_
