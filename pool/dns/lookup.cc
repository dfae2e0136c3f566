#include "pool/dns/lookup.h"

#include <algorithm>
#include <utility>

#include "pool/net/check.h"

namespace holdfast::pool {

Lookup::Lookup(EventLoop* loop, LookupEvents* events, std::string name, uint16_t port,
               Resolver::Callback callback)
    : loop_(loop),
      events_(events),
      name_(std::move(name)),
      port_(port),
      callback_(std::move(callback)),
      parts_{Part{.type = QuestionType::kA}, Part{.type = QuestionType::kAaaa}} {}

Lookup::Lookup(EventLoop* loop, LookupEvents* events, std::string name,
               Resolver::SrvCallback callback)
    : loop_(loop),
      events_(events),
      name_(std::move(name)),
      port_(0),
      callback_(std::move(callback)),
      parts_{Part{.type = QuestionType::kSrv}} {}

// In this order, and one that is answered at once is never asked.
void Lookup::MoveTo(State next) {
  HOLDFAST_CHECK(next > state_);
  state_ = next;
}

void Lookup::Start() { MoveTo(State::kAsked); }

void Lookup::BeginSearch(const SearchList& list, std::string known) {
  HOLDFAST_CHECK(state_ == State::kAsked);
  search_.emplace(name_, list, std::move(known));
}

uint64_t Lookup::BeginRound() {
  HOLDFAST_CHECK(state_ == State::kAsked && search_.has_value());
  loop_->timers().Cancel(delay_);
  unanswered_ = parts_.size();
  for (Part& part : parts_) part = {.type = part.type};
  return ++round_;
}

const Lookup::Part* Lookup::Find(bool (*test)(const Part&)) const {
  const auto found = std::ranges::find_if(parts_, test);
  return found == parts_.end() ? nullptr : &*found;
}

const Lookup::Part* Lookup::FindOk() const {
  return Find([](const Part& part) { return part.records.status == ResolveStatus::kOk; });
}

Lookup::Step Lookup::Take(size_t question, Records records) {
  HOLDFAST_CHECK(state_ == State::kAsked && question < parts_.size());
  Part& part = parts_[question];
  HOLDFAST_CHECK(!part.answered && unanswered_ > 0);
  part.answered = true;
  part.records = std::move(records);
  if (--unanswered_ == 0) return Conclude();
  const bool found = part.records.status == ResolveStatus::kOk;
  if (found || (part.records.no_such_name && !search_->last())) {
    loop_->timers().Arm(delay_, loop_->now() + kResolutionDelay);
  }
  return Step::kWait;
}

// One family is known, and about the other the servers are silent.
void Lookup::OnDelay(TimePoint) {
  HOLDFAST_CHECK(state_ == State::kAsked && unanswered_ > 0 && !srv());
  if (FindOk() == nullptr) {
    const Part* said = Find([](const Part& part) { return part.answered; });
    const Step step = NotFound(ResolveStatus::kNotFound, said->records.detail);
    HOLDFAST_CHECK(step == Step::kNextCandidate);  // the timer is not armed for the last one
    return events_->OnNextCandidate(*this);
  }
  AddressAnswer early = JoinFamilies(parts_[0].records, parts_[1].records);
  early.more = true;
  // The callback may destroy the owner and with it this look-up and the callback itself.
  const std::shared_ptr<Lookup> self = shared_from_this();
  std::get<Resolver::Callback>(callback_)(std::move(early));
}

Lookup::Step Lookup::Conclude() {
  if (FindOk() != nullptr) return Found();
  const Part* failed = Find([](const Part& part) { return Failed(part.records); });
  // Servers say for all types alike that a name does not exist.
  const Records& telling = (failed != nullptr ? *failed : parts_.front()).records;
  return NotFound(telling.status, telling.detail);
}

Lookup::Step Lookup::Found() {
  if (srv()) {
    Records& records = parts_.front().records;
    Finish(SrvAnswer{records.status, std::move(records.services), records.ttl, search_->failure()});
  } else {
    AddressAnswer answer = JoinFamilies(parts_[0].records, parts_[1].records);
    answer.detail = search_->failure();
    Finish(std::move(answer));
  }
  return Step::kAnswered;
}

Lookup::Step Lookup::NotFound(ResolveStatus status, const std::string& detail) {
  if (search_->GoOn(status, detail)) return Step::kNextCandidate;
  const std::string& told = search_->failure().empty() ? detail : search_->failure();
  if (srv()) {
    Finish(
        SrvAnswer{.status = search_->status(), .records = {}, .ttl = Duration(0), .detail = told});
  } else {
    Finish(AddressAnswer{.status = search_->status(), .addresses = {}, .detail = told});
  }
  return Step::kAnswered;
}

void Lookup::Finish(std::variant<AddressAnswer, SrvAnswer> answer) {
  MoveTo(State::kAnswered);
  loop_->timers().Cancel(delay_);
  answer_ = std::move(answer);
  loop_->Queue(*this);
}

const std::string* Lookup::chosen() const {
  if (!search_.has_value() || !search_->has_choice() || FindOk() == nullptr) return nullptr;
  return &search_->candidate();
}

void Lookup::Deliver() {
  HOLDFAST_CHECK(state_ == State::kAnswered);
  if (srv()) {
    std::get<Resolver::SrvCallback>(callback_)(std::get<SrvAnswer>(std::move(answer_)));
  } else {
    std::get<Resolver::Callback>(callback_)(std::get<AddressAnswer>(std::move(answer_)));
  }
}

}  // namespace holdfast::pool
