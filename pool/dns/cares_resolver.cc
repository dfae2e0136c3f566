#include "pool/dns/cares_resolver.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "pool/dns/resolv_conf.h"
#include "pool/net/check.h"
#include "pool/net/socket.h"

namespace holdfast::pool {
namespace {

bool Failed(const Records& records) {
  return records.status != ResolveStatus::kOk && records.status != ResolveStatus::kNotFound;
}

AddressAnswer AnswerOf(std::vector<SocketAddress> addresses, Duration ttl) {
  SortUnique(addresses);
  if (addresses.size() > CaresResolver::kMaxAddresses) {
    addresses.resize(CaresResolver::kMaxAddresses);
  }
  return {
      .status = ResolveStatus::kOk, .addresses = std::move(addresses), .ttl = ttl, .detail = ""};
}

// Both families' answers as one; at least one of them has addresses. One without a reply counts as
// failed.
AddressAnswer Join(const Records& v4, const Records& v6) {
  const bool both = v4.status == v6.status;
  const Duration ttl = both                              ? std::min(v4.ttl, v6.ttl)
                       : v4.status == ResolveStatus::kOk ? v4.ttl
                                                         : v6.ttl;
  std::vector<SocketAddress> addresses = v4.addresses;
  addresses.insert(addresses.end(), v6.addresses.begin(), v6.addresses.end());
  AddressAnswer answer = AnswerOf(std::move(addresses), ttl);
  if (Failed(v4)) answer.failed_family = AF_INET;
  if (Failed(v6)) answer.failed_family = AF_INET6;
  return answer;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

// One call of Resolve or ResolveSrv. As a task it is queued from when it has its answer, which is
// how callbacks come from the loop even where c-ares answers at once, and never from inside c-ares.
class CaresResolver::Lookup final : public Task,
                                    public std::enable_shared_from_this<CaresResolver::Lookup> {
 public:
  Lookup(CaresResolver* resolver, std::string name, uint16_t port, Callback callback)
      : resolver(resolver),
        name(std::move(name)),
        port(port),
        callback(std::move(callback)),
        parts{Part{.type = CaresChannel::Type::kA}, Part{.type = CaresChannel::Type::kAaaa}} {}
  Lookup(CaresResolver* resolver, std::string name, SrvCallback callback)
      : resolver(resolver),
        name(std::move(name)),
        port(0),
        callback(std::move(callback)),
        parts{Part{.type = CaresChannel::Type::kSrv}} {}

  enum class State : uint8_t { kWaiting, kAsked, kAnswered };
  // The question for one type of record, of the current candidate.
  struct Part {
    CaresChannel::Type type;
    bool answered = false;
    Records records = {};
  };

  bool srv() const { return std::holds_alternative<SrvCallback>(callback); }
  const Part* Find(bool (*test)(const Part&)) const {
    const auto found = std::ranges::find_if(parts, test);
    return found == parts.end() ? nullptr : &*found;
  }
  const Part* FindOk() const {
    return Find([](const Part& part) { return part.records.status == ResolveStatus::kOk; });
  }

  CaresResolver* const resolver;
  const std::string name;
  const uint16_t port;
  std::variant<Callback, SrvCallback> callback;
  State state = State::kWaiting;
  std::optional<NameSearch> search;  // since it was asked
  uint64_t round = 0;  // another one for each candidate: replies to questions before do not count
  std::vector<Part> parts;
  size_t unanswered = 0;  // of the parts
  std::variant<AddressAnswer, SrvAnswer> answer;
  std::list<std::shared_ptr<Lookup>>::iterator self;

 private:
  void Run() override { resolver->Deliver(*this); }
  void OnTimer(TimePoint) { resolver->OnDelay(*this); }

 public:
  MemberTimer<Lookup, &Lookup::OnTimer> delay{this};  // while one family waits for the other
};

CaresResolver::CaresResolver(EventLoop* loop, CaresOptions options)
    : loop_(loop), options_(std::move(options)), config_checked_(loop->now()) {
  config_stamp_ = StampOf(options_.resolv_conf);
  OpenChannels();
}

CaresResolver::~CaresResolver() = default;

void CaresResolver::Resolve(const std::string& name, uint16_t port, Callback callback) {
  Lookup& lookup = Add(std::make_shared<Lookup>(this, name, port, std::move(callback)));
  if (const auto literal = SocketAddress::FromIp(name, port)) {
    Finish(lookup, AnswerOf({*literal}, Duration::max()));
    return;
  }
  Enqueue(lookup);
}

void CaresResolver::ResolveSrv(const std::string& name, SrvCallback callback) {
  Enqueue(Add(std::make_shared<Lookup>(this, name, std::move(callback))));
}

CaresResolver::Lookup& CaresResolver::Add(std::shared_ptr<Lookup> lookup) {
  lookups_.push_back(std::move(lookup));
  lookups_.back()->self = std::prev(lookups_.end());
  return *lookups_.back();
}

void CaresResolver::Enqueue(Lookup& lookup) {
  RefreshChannels();
  waiting_.push_back(&lookup);
  StartWaiting();
}

void CaresResolver::RefreshChannels() {
  if (loop_->now() - config_checked_ < kConfigCheckInterval) return;
  config_checked_ = loop_->now();
  // Before the file is read, so that a change in between is found the next time.
  const std::optional<FileStamp> stamp = StampOf(options_.resolv_conf);
  // Without the file there is nothing better than the servers known.
  if (!stamp || stamp == config_stamp_) return;
  CloseChannels();
  OpenChannels();
  config_stamp_ = stamp;
  // Those whose servers may be gone ask the new ones.
  for (const std::shared_ptr<Lookup>& lookup : lookups_) {
    if (lookup->state == Lookup::State::kAsked) Begin(*lookup);
  }
}

std::optional<CaresResolver::FileStamp> CaresResolver::StampOf(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!file.valid() || fstat(file.get(), &status) != 0) return std::nullopt;
  return FileStamp(status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec,
                   status.st_mtim.tv_nsec);
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
  questions_ = 0;
  // With another search list a candidate that failed may be one that nobody asks for any more.
  known_.clear();
}

void CaresResolver::StartWaiting() {
  constexpr size_t kMaxQuestions = 2 * kMaxInFlight;
  while (!waiting_.empty() && questions_ + waiting_.front()->parts.size() <= kMaxQuestions) {
    Lookup& lookup = *waiting_.front();
    waiting_.pop_front();
    HOLDFAST_CHECK(lookup.state == Lookup::State::kWaiting);
    lookup.state = Lookup::State::kAsked;
    Begin(lookup);
  }
}

void CaresResolver::Begin(Lookup& lookup) {
  HOLDFAST_CHECK(lookup.state == Lookup::State::kAsked);
  if (!lookup.srv()) {
    std::vector<SocketAddress> addresses = hosts_.Find(lookup.name, lookup.port);
    if (!addresses.empty()) return Finish(lookup, AnswerOf(std::move(addresses), kHostsTtl));
  }
  const auto known = known_.find(lookup.name);
  lookup.search.emplace(lookup.name, channels_.front()->search(),
                        known == known_.end() ? "" : known->second);
  AskCandidate(lookup);
}

// Any of the questions may have its reply at once, and the last one the next candidate or the end.
void CaresResolver::AskCandidate(Lookup& lookup) {
  loop_->timers().Cancel(lookup.delay);
  const uint64_t round = ++lookup.round;
  lookup.unanswered = lookup.parts.size();
  for (Lookup::Part& part : lookup.parts) part = {.type = part.type};
  for (size_t i = 0; i < lookup.parts.size() && lookup.round == round; ++i) {
    AskPart(lookup, i, QuestionWay::kPlain);
  }
}

void CaresResolver::AskPart(Lookup& lookup, size_t part, QuestionWay way) {
  ++questions_;
  channels_[static_cast<size_t>(way)]->Ask(
      lookup.search->candidate(), lookup.parts[part].type, lookup.port,
      [this, weak = lookup.weak_from_this(), round = lookup.round, part, way](Records records) {
        HOLDFAST_CHECK(questions_ > 0);
        --questions_;
        // From the loop: this is inside c-ares.
        if (!waiting_.empty()) loop_->Queue(start_task_);
        const std::shared_ptr<Lookup> lookup = weak.lock();
        if (lookup == nullptr || lookup->round != round) return;
        OnRecords(*lookup, part, way, std::move(records));
      });
}

void CaresResolver::OnRecords(Lookup& lookup, size_t index, QuestionWay way, Records records) {
  if (lookup.state != Lookup::State::kAsked) return;
  if (const auto next = NextWay(way, records)) return AskPart(lookup, index, *next);
  Lookup::Part& part = lookup.parts[index];
  HOLDFAST_CHECK(!part.answered && lookup.unanswered > 0);
  part.answered = true;
  part.records = std::move(records);
  if (--lookup.unanswered == 0) return Conclude(lookup);
  const bool exists = !part.records.no_such_name;
  if (part.records.status == ResolveStatus::kOk || (!exists && !lookup.search->last())) {
    loop_->timers().Arm(lookup.delay, loop_->now() + kResolutionDelay);
  }
}

// One family is known and about the other the servers are silent.
void CaresResolver::OnDelay(Lookup& lookup) {
  HOLDFAST_CHECK(lookup.state == Lookup::State::kAsked && lookup.unanswered > 0 && !lookup.srv());
  if (lookup.FindOk() == nullptr) {
    const auto said = [](const Lookup::Part& part) { return part.answered; };
    return NotFound(lookup, ResolveStatus::kNotFound, lookup.Find(said)->records.detail);
  }
  AddressAnswer early = Join(lookup.parts[0].records, lookup.parts[1].records);
  early.more = true;
  // The callback may destroy this, and with it what it is itself.
  const std::shared_ptr<Lookup> self = lookup.shared_from_this();
  std::get<Callback>(self->callback)(std::move(early));
}

void CaresResolver::Conclude(Lookup& lookup) {
  if (lookup.FindOk() != nullptr) return Found(lookup);
  const Lookup::Part* failed =
      lookup.Find([](const Lookup::Part& part) { return Failed(part.records); });
  // That a name does not exist is said for all types alike.
  const Records& telling = (failed != nullptr ? *failed : lookup.parts.front()).records;
  NotFound(lookup, telling.status, telling.detail);
}

void CaresResolver::Found(Lookup& lookup) {
  const NameSearch& search = *lookup.search;
  if (search.has_choice()) {
    if (known_.size() >= kMaxKnown) known_.clear();
    known_[lookup.name] = search.candidate();
  }
  if (lookup.srv()) {
    Records& records = lookup.parts.front().records;
    Finish(lookup,
           SrvAnswer{records.status, std::move(records.services), records.ttl, search.failure()});
  } else {
    AddressAnswer answer = Join(lookup.parts[0].records, lookup.parts[1].records);
    answer.detail = search.failure();
    Finish(lookup, std::move(answer));
  }
}

void CaresResolver::NotFound(Lookup& lookup, ResolveStatus status, const std::string& detail) {
  NameSearch& search = *lookup.search;
  if (search.GoOn(status, detail)) return AskCandidate(lookup);
  const std::string& told = search.failure().empty() ? detail : search.failure();
  if (lookup.srv()) {
    Finish(lookup,
           SrvAnswer{.status = search.status(), .records = {}, .ttl = Duration(0), .detail = told});
  } else {
    Finish(lookup, AddressAnswer{.status = search.status(), .addresses = {}, .detail = told});
  }
}

void CaresResolver::Finish(Lookup& lookup, std::variant<AddressAnswer, SrvAnswer> answer) {
  HOLDFAST_CHECK(lookup.state != Lookup::State::kAnswered);
  loop_->timers().Cancel(lookup.delay);
  lookup.state = Lookup::State::kAnswered;
  lookup.answer = std::move(answer);
  loop_->Queue(lookup);
}

void CaresResolver::Deliver(Lookup& lookup) {
  HOLDFAST_CHECK(lookup.state == Lookup::State::kAnswered);
  const std::shared_ptr<Lookup> done = std::move(*lookup.self);
  lookups_.erase(done->self);
  StartWaiting();
  // Either may destroy this.
  if (done->srv()) {
    std::get<SrvCallback>(done->callback)(std::get<SrvAnswer>(std::move(done->answer)));
  } else {
    std::get<Callback>(done->callback)(std::get<AddressAnswer>(std::move(done->answer)));
  }
}

}  // namespace holdfast::pool
