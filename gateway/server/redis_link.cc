#include "gateway/server/redis_link.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "gateway/config/address.h"
#include "gateway/server/op_log.h"
#include "pool/net/check.h"

namespace holdfast::server {

using metrics::Metric;

namespace {

// What log lines show of what Redis says.
constexpr size_t kMaxShown = 200;
// Nobody owes more than this, in microseconds: no number of ours or of Redis overflows.
constexpr double kMostOwed = 400.0 * 86'400 * 1'000'000;

// The generic cell rate algorithm, in microseconds of Redis' clock: the time at which the key's
// bucket will be full is put off by what was spent. ARGV: requests, microseconds of one, and how
// far off that time may be.
constexpr char kScript[] =
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000000 + time[2]\n"
    "local full = tonumber(redis.call('GET', KEYS[1]) or 0) or 0\n"
    "if full < now then full = now end\n"
    "full = full + ARGV[1] * ARGV[2]\n"
    "local most = now + ARGV[3]\n"
    "if full > most then full = most end\n"
    "redis.call('SET', KEYS[1], string.format('%.17g', full),\n"
    "           'PX', string.format('%.0f', math.ceil((full - now) / 1000) + 1))\n"
    "return math.ceil(full - now)\n";

std::string Shown(std::string_view text) {
  std::string shown(text.substr(0, kMaxShown));
  std::ranges::replace_if(
      shown, [](char c) { return !absl::ascii_isprint(c); }, '?');
  return shown;
}

// A server that does not know a command quotes what it was given, as if AUTH had no secret in it.
std::string ShownError(std::string_view error, const std::string& secret) {
  error = error.substr(0, error.find(", with args"));
  const bool quotes = !secret.empty() && error.find(secret) != error.npos;
  return quotes ? "an error that has the password in it" : Shown(error);
}

double MicrosecondsOfOne(const policy::RateLimit& limit) {
  return static_cast<double>(limit.per.count()) / 1000 / limit.requests;
}

bool IsScriptName(std::string_view text) {
  return text.size() == 40 && std::ranges::all_of(text, absl::ascii_isxdigit);
}

}  // namespace

RedisLink::RedisLink(MainContext* main, const policy::SharedLimit& shared,
                     MakeResolver make_resolver)
    : main_(main),
      shared_(shared),
      make_resolver_(std::move(make_resolver)),
      claim_(main->shard->ClaimSeries("redis", shared.redis)),
      synced_(
          main->shard->CounterFor(Metric::kSharedRateLimitSyncsTotal, {shared.redis, "synced"})),
      failed_(
          main->shard->CounterFor(Metric::kSharedRateLimitSyncsTotal, {shared.redis, "failed"})),
      dropped_(main->shard->CounterFor(Metric::kSharedRateLimitDroppedTotal, {shared.redis})),
      dialer_(&main->loop, &main->slabs) {
  main_->loop.timers().Arm(sync_timer_, main_->loop.now() + shared_.sync);
  Connect();
}

void RedisLink::SetMembers(std::vector<Member> members) {
  members_ = std::move(members);
  next_member_ = 0;
}

void RedisLink::MoveTo(State next) {
  const auto legal = [this, next] {
    switch (next) {
      case State::kPaused: return state_ != State::kPaused;
      case State::kResolving: return state_ == State::kPaused;
      case State::kConnecting: return state_ == State::kPaused || state_ == State::kResolving;
      case State::kGreeting: return state_ == State::kConnecting;
      case State::kReady: return state_ == State::kGreeting || state_ == State::kSyncing;
      case State::kSyncing: return state_ == State::kReady;
    }
    return false;
  };
  HOLDFAST_CHECK(legal());
  state_ = next;
}

void RedisLink::Guard(pool::Duration time) {
  main_->loop.timers().Arm(guard_timer_, main_->loop.now() + time);
}

void RedisLink::Connect() {
  const std::optional<config::Endpoint> endpoint = config::ParseEndpoint(shared_.redis);
  HOLDFAST_CHECK(endpoint.has_value());
  next_address_ = 0;
  if (endpoint->literal.has_value()) {
    addresses_ = {*endpoint->literal};
    MoveTo(State::kConnecting);
    return DialNext();
  }
  MoveTo(State::kResolving);
  Guard(kResolveTimeout);
  question_ = std::make_shared<const bool>(true);
  resolver_ = make_resolver_();
  resolver_->Resolve(
      endpoint->host, endpoint->port,
      [this, asked = std::weak_ptr<const bool>(question_)](const pool::AddressAnswer& answer) {
        if (!asked.expired()) OnAddresses(answer);
      });
}

void RedisLink::OnAddresses(const pool::AddressAnswer& answer) {
  if (answer.more) return;  // The whole one comes soon enough.
  EndLookup();
  if (answer.status != pool::ResolveStatus::kOk) {
    return Fail(
        absl::StrCat("it has no address: ", std::string(pool::ResolveStatusName(answer.status))));
  }
  addresses_ = answer.addresses;
  addresses_.resize(std::min(addresses_.size(), kMaxAddresses));
  MoveTo(State::kConnecting);
  DialNext();
}

void RedisLink::EndLookup() {
  question_.reset();
  if (resolver_ != nullptr) main_->loop.DestroyLater(std::move(resolver_));
}

void RedisLink::DialNext() {
  HOLDFAST_CHECK(next_address_ < addresses_.size());
  Guard(2 * shared_.timeout);  // The attempt ends before.
  const pool::EndpointKey key{shared_.redis, addresses_[next_address_++]};
  pool::DialStart start = dialer_.Dial(
      key,
      pool::DialTerms{.slow_at = {}, .deadline = main_->loop.now() + shared_.timeout, .tcp = {}},
      this);
  if (start.attempt == nullptr) return OnDialFailed(start.refusal);
  attempt_ = std::move(start.attempt);
}

void RedisLink::OnDialFailed(pool::CheckoutFailure failure) {
  attempt_.reset();
  if (next_address_ < addresses_.size()) return DialNext();
  Fail(std::string(pool::CheckoutResultName(failure.result)));
}

void RedisLink::OnDialed(std::unique_ptr<pool::Connection> connection) {
  attempt_.reset();
  connection_ = std::move(connection);
  connection_->set_events(this);
  replies_.emplace();
  Greet();
}

void RedisLink::Greet() {
  MoveTo(State::kGreeting);
  Guard(shared_.timeout);
  std::string commands;
  awaited_ = 1;
  if (!shared_.password.empty()) {
    ++awaited_;
    if (shared_.username.empty()) {
      AppendRedisCommand({"AUTH", shared_.password}, &commands);
    } else {
      AppendRedisCommand({"AUTH", shared_.username, shared_.password}, &commands);
    }
  }
  if (shared_.database != 0) {
    ++awaited_;
    AppendRedisCommand({"SELECT", std::to_string(shared_.database)}, &commands);
  }
  AppendRedisCommand({"SCRIPT", "LOAD", kScript}, &commands);
  Send(commands);
}

void RedisLink::StartSync() {
  if (state_ != State::kReady) return;
  HOLDFAST_CHECK(told_.empty());
  Collect();
}

void RedisLink::Collect() {
  std::string commands;
  more_ = false;
  for (size_t looked_at = 0; looked_at < members_.size(); ++looked_at) {
    const Member& member = members_[next_member_ % members_.size()];
    policy::SharedSpending& spending = *member.limiter->spending();
    dropped_.Add(spending.TakeDropped());
    const bool all = spending.Drain(kMaxBatch - told_.size(), &spent_);
    for (const policy::SharedSpending::Spent& spent : spent_) {
      commands += CommandFor(member, spent);
      told_.push_back({member.limiter, spent});
    }
    spent_.clear();
    if (!all) {
      more_ = true;
      break;
    }
    next_member_ = (next_member_ + 1) % members_.size();
  }
  if (told_.empty()) return;
  awaited_ = told_.size();
  MoveTo(State::kSyncing);
  Guard(shared_.timeout);
  Send(commands);
}

double RedisLink::MostOwed(const policy::RateLimiter& limiter) const {
  const policy::RateLimit limit = limiter.rule().limit();
  const double at_once = MicrosecondsOfOne(limit) * limit.capacity() +
                         std::chrono::duration<double, std::micro>(shared_.sync).count();
  return std::min(kMostDebtors * at_once, kMostOwed);
}

std::string RedisLink::CommandFor(const Member& member,
                                  const policy::SharedSpending::Spent& spent) const {
  std::string command;
  AppendRedisCommand({"EVALSHA", script_, "1",
                      absl::StrFormat("%s:%s:%014x", shared_.prefix, member.route, spent.key),
                      std::to_string(spent.requests),
                      absl::StrFormat("%.17g", MicrosecondsOfOne(member.limiter->rule().limit())),
                      absl::StrFormat("%.0f", MostOwed(*member.limiter))},
                     &command);
  return command;
}

void RedisLink::Send(const std::string& commands) {
  connection_->out().Append(commands);
  OnConnectionReady();
}

void RedisLink::OnConnectionReady() {
  if (connection_->Flush() == pool::FlushStatus::kError) {
    return Fail(strerror(connection_->error()));
  }
  Read();
}

bool RedisLink::Read() {
  while (connection_->readable()) {
    switch (connection_->Fill(pool::Connection::kMaxReadBytes)) {
      case pool::FillStatus::kRead:
      case pool::FillStatus::kFull: break;
      case pool::FillStatus::kWouldBlock: return true;
      case pool::FillStatus::kEndOfStream:
        if (state_ == State::kReady && served_) {
          // It may do so with whoever has not asked for long.
          Drop();
          Pause();
        } else {
          Fail("it closed the connection");
        }
        return false;
      case pool::FillStatus::kError: Fail(strerror(connection_->error())); return false;
    }
    if (!TakeReplies()) return false;
  }
  return true;
}

bool RedisLink::TakeReplies() {
  pool::Buffer& in = connection_->in();
  while (!in.empty()) {
    const std::string_view piece = in.Front();
    replies_->Feed(piece);
    in.Consume(piece.size());
    for (RedisReply reply = replies_->Next(); reply.kind != RedisReply::Kind::kNone;
         reply = replies_->Next()) {
      if (!OnReply(reply)) return false;
    }
  }
  return true;
}

bool RedisLink::OnReply(const RedisReply& reply) {
  switch (reply.kind) {
    case RedisReply::Kind::kBroken: Fail("what it sends is no Redis"); return false;
    case RedisReply::Kind::kError:
      Fail("it says " + ShownError(reply.text, shared_.password));
      return false;
    default: break;
  }
  if (awaited_ == 0) {
    Fail("it answers what nobody asked");
    return false;
  }
  --awaited_;
  if (state_ == State::kGreeting) return OnGreeted(reply);
  HOLDFAST_CHECK(state_ == State::kSyncing);
  if (reply.kind != RedisReply::Kind::kInteger) {
    Fail("its answer is no number");
    return false;
  }
  const Told& told = told_[told_.size() - 1 - awaited_];
  // Redis is believed no more than the script could say.
  const auto most = static_cast<int64_t>(MostOwed(*told.limiter));
  told.limiter->Learn(told.spent.key,
                      std::chrono::microseconds(std::clamp<int64_t>(reply.integer, 0, most)),
                      main_->loop.now());
  if (awaited_ == 0) OnBatchOver();
  return true;
}

bool RedisLink::OnGreeted(const RedisReply& reply) {
  if (awaited_ > 0) return true;  // AUTH and SELECT say OK, or an error.
  if (reply.kind != RedisReply::Kind::kText || !IsScriptName(reply.text)) {
    Fail("it does not take the script");
    return false;
  }
  script_ = reply.text;
  MoveTo(State::kReady);
  main_->loop.timers().Cancel(guard_timer_);
  main_->loop.timers().Arm(proof_timer_, main_->loop.now() + kProof);
  up_ = true;
  return true;
}

// Who takes the script may still fail at every use of it: while a batch is under way, that tells.
void RedisLink::OnProof(pool::TimePoint) {
  if (state_ == State::kReady) OnServed();
}

void RedisLink::OnServed() {
  served_ = true;
  pause_ = kFirstPause;
  if (std::exchange(told_down_, false)) {
    LogInfo(absl::StrCat("redis ", shared_.redis, ": rate limits are shared again"));
  }
}

void RedisLink::OnBatchOver() {
  told_.clear();
  synced_.Add();
  OnServed();
  main_->loop.timers().Cancel(guard_timer_);
  MoveTo(State::kReady);
  if (more_) main_->loop.Queue(more_task_);
}

void RedisLink::Fail(const std::string& why) {
  failed_.Add();
  up_ = false;
  if (!std::exchange(told_down_, true)) {
    LogWarning(absl::StrCat("redis ", shared_.redis, ": ", why,
                            "; until it is back each gateway keeps shared rate limits by itself"));
  }
  Drop();
  Pause();
}

void RedisLink::Drop() {
  for (const Told& told : told_) dropped_.Add(told.spent.requests);
  told_.clear();
  awaited_ = 0;
  served_ = false;
  main_->loop.timers().Cancel(proof_timer_);
  attempt_.reset();
  EndLookup();
  if (connection_ != nullptr) {
    connection_->Close();
    main_->loop.DestroyLater(std::move(connection_));
  }
  replies_.reset();
}

void RedisLink::Pause() {
  MoveTo(State::kPaused);
  Guard(pause_);
  pause_ = std::min(2 * pause_, kLastPause);
}

void RedisLink::Discard() {
  for (const Member& member : members_) {
    policy::SharedSpending& spending = *member.limiter->spending();
    uint64_t requests = spending.TakeDropped();
    spending.Drain(policy::SharedSpending::kSets * 8, &spent_);
    for (const policy::SharedSpending::Spent& spent : spent_) requests += spent.requests;
    spent_.clear();
    dropped_.Add(requests);
  }
}

void RedisLink::OnGuard(pool::TimePoint) {
  if (state_ == State::kPaused) return Connect();
  Fail("it did not answer in time");
}

void RedisLink::OnSync(pool::TimePoint now) {
  main_->loop.timers().Arm(sync_timer_, now + shared_.sync);
  switch (state_) {
    case State::kReady: return StartSync();
    case State::kSyncing: return;  // What was spent goes with the next batch.
    case State::kPaused:
    case State::kResolving:
    case State::kConnecting:
    case State::kGreeting: return Discard();
  }
}

}  // namespace holdfast::server
