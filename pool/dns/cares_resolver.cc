#include "pool/dns/cares_resolver.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "pool/dns/resolv_conf.h"
#include "pool/net/check.h"

namespace holdfast::pool {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

CaresResolver::CaresResolver(EventLoop* loop, CaresOptions options)
    : loop_(loop), options_(std::move(options)), watch_(options_.resolv_conf, loop->now()) {
  OpenChannels();
}

CaresResolver::~CaresResolver() = default;

void CaresResolver::Resolve(const std::string& name, uint16_t port, Callback callback) {
  LookupEvents* const events = this;
  Lookup& lookup =
      queue_.Add(std::make_shared<Lookup>(loop_, events, name, port, std::move(callback)));
  if (const auto literal = SocketAddress::FromIp(name, port)) {
    lookup.AnswerWith(AnswerOf({*literal}, Duration::max()));
    return;
  }
  Enqueue(lookup);
}

void CaresResolver::ResolveSrv(const std::string& name, SrvCallback callback) {
  LookupEvents* const events = this;
  Enqueue(queue_.Add(std::make_shared<Lookup>(loop_, events, name, std::move(callback))));
}

void CaresResolver::Enqueue(Lookup& lookup) {
  RefreshChannels();
  queue_.Wait(lookup);
  StartWaiting();
}

void CaresResolver::RefreshChannels() {
  if (!watch_.Changed(loop_->now())) return;
  CloseChannels();
  OpenChannels();
  // Their servers may be gone, so they ask the new ones.
  for (Lookup* lookup : queue_.Asked()) Begin(*lookup);
}

void CaresResolver::OpenChannels() {
  const ChannelOptions options{.servers = options_.servers,
                               .timeout = options_.timeout,
                               .attempts = options_.attempts,
                               .port = options_.port,
                               .resolv_conf = options_.resolv_conf};
  for (size_t i = 0; i < channels_.size(); ++i) {
    channels_[i] = std::make_unique<CaresChannel>(loop_, static_cast<QuestionWay>(i), options);
  }
  if (!options_.on_trouble || !options_.servers.empty()) return;
  for (const std::string& trouble : ResolvConfTroubles(ReadFile(options_.resolv_conf))) {
    options_.on_trouble(options_.resolv_conf + ": " + trouble);
  }
}

// Leaves the look-ups without an answer.
void CaresResolver::CloseChannels() {
  for (std::unique_ptr<CaresChannel>& channel : channels_) channel.reset();
  queue_.DropQuestions();
  // With another search list, a candidate that failed may be one that nobody asks for any more.
  known_.clear();
}

void CaresResolver::StartWaiting() {
  while (Lookup* lookup = queue_.StartNext()) Begin(*lookup);
}

void CaresResolver::Begin(Lookup& lookup) {
  HOLDFAST_CHECK(lookup.state() == Lookup::State::kAsked);
  if (!lookup.srv()) {
    std::vector<SocketAddress> addresses = hosts_.Find(lookup.name(), lookup.port());
    if (!addresses.empty()) return lookup.AnswerWith(AnswerOf(std::move(addresses), kHostsTtl));
  }
  const auto known = known_.find(lookup.name());
  lookup.BeginSearch(channels_.front()->search(), known == known_.end() ? "" : known->second);
  AskCandidate(lookup);
}

// Any of the questions may have its reply at once, and the last reply may bring the next candidate
// or the end.
void CaresResolver::AskCandidate(Lookup& lookup) {
  const uint64_t round = lookup.BeginRound();
  for (size_t i = 0; i < lookup.questions() && lookup.round() == round; ++i) {
    Ask(lookup, i, QuestionWay::kPlain);
  }
}

void CaresResolver::Ask(Lookup& lookup, size_t question, QuestionWay way) {
  queue_.OnQuestion();
  channels_[static_cast<size_t>(way)]->Ask(
      lookup.candidate(), lookup.type(question), lookup.port(),
      [this, weak = lookup.weak_from_this(), round = lookup.round(), question,
       way](Records records) {
        queue_.OnReply();
        // The next look-up starts from the loop, because this runs inside c-ares.
        if (queue_.waiting()) loop_->Queue(start_task_);
        const std::shared_ptr<Lookup> lookup = weak.lock();
        if (lookup == nullptr || lookup->round() != round) return;
        OnRecords(*lookup, question, way, std::move(records));
      });
}

void CaresResolver::OnRecords(Lookup& lookup, size_t question, QuestionWay way, Records records) {
  if (lookup.state() != Lookup::State::kAsked) return;
  if (const auto next = NextWay(way, records)) return Ask(lookup, question, *next);
  switch (lookup.Take(question, std::move(records))) {
    case Lookup::Step::kWait: return;
    case Lookup::Step::kNextCandidate: return AskCandidate(lookup);
    case Lookup::Step::kAnswered: return Remember(lookup);
  }
}

void CaresResolver::Remember(const Lookup& lookup) {
  if (lookup.chosen() == nullptr) return;
  if (known_.size() >= kMaxKnown) known_.clear();
  known_[lookup.name()] = *lookup.chosen();
}

void CaresResolver::OnAnswered(Lookup& lookup) {
  const std::shared_ptr<Lookup> done = queue_.Remove(lookup);
  StartWaiting();
  done->Deliver();  // may destroy this
}

}  // namespace holdfast::pool
