#include "pool/learned_expiry.h"

#include "pool/net/check.h"

namespace holdfast::pool {

bool LearnedExpiry::Alike(Duration a, Duration b) {
  const auto [low, high] = std::minmax(a, b);
  return high - low <= std::max<Duration>(high / 10, std::chrono::milliseconds(50));
}

bool LearnedExpiry::Holds(const Sample& sample, TimePoint now) {
  const Duration hold = sample.evidence >= kSure ? Hold(sample.age) : kDoubtfulHold;
  return sample.evidence >= kSome && now - sample.last < hold;
}

void LearnedExpiry::EnterBurst(Duration age, TimePoint now) {
  if (burst_.number == 0 || now - burst_.begin > kBurst) {
    burst_ = {.number = burst_.number + 1,
              .begin = now,
              .lowest = age,
              .highest = age,
              .mixed = false,
              .before = expiry_};
    return;
  }
  burst_.lowest = std::min(burst_.lowest, age);
  burst_.highest = std::max(burst_.highest, age);
  if (burst_.mixed || Alike(burst_.lowest, burst_.highest)) return;
  burst_.mixed = true;
  for (Sample& sample : samples()) {
    if (sample.burst != burst_.number) continue;
    sample.evidence -= sample.gained / 2;
    sample.gained -= sample.gained / 2;
  }
}

// The sample of this age, or a new one. If there is no room it takes the place of the sample that
// says least and, among equals, of the one with the highest age, since the lowest counts.
LearnedExpiry::Sample& LearnedExpiry::SampleFor(Duration age, TimePoint now) {
  for (Sample& sample : samples()) {
    if (Alike(sample.age, age)) return sample;
  }
  if (count_ < kSamples) {
    samples_[count_] = {.age = age, .last = now};
    return samples_[count_++];
  }
  const auto worth = [now](const Sample& sample) {
    return Holds(sample, now) ? sample.evidence : 0;
  };
  Sample& least = *std::ranges::min_element(samples_, [&](const Sample& a, const Sample& b) {
    return worth(a) != worth(b) ? worth(a) < worth(b) : a.age > b.age;
  });
  least = {.age = age, .last = now};
  return least;
}

void LearnedExpiry::NoteClose(Duration age, TimePoint now) {
  Sample& sample = SampleFor(age, now);
  if (now - sample.last > kMemory) sample.evidence = 0;
  sample.age = age < sample.age ? age : sample.age + (age - sample.age) / 8;
  sample.last = now;
  if (sample.burst == burst_.number) return;
  sample.burst = burst_.number;
  sample.gained = burst_.mixed ? 1 : 2;
  sample.evidence += sample.gained;
}

void LearnedExpiry::ObservePeerClose(Duration idle_age, TimePoint now) {
  // A connection that was in use a moment ago is no evidence for its own age, but it is against the
  // ages of the others in the burst.
  EnterBurst(std::max(idle_age, Duration::zero()), now);
  if (idle_age >= kFloor) NoteClose(idle_age, now);
  // A burst that turns out to be mixed undoes what its earlier closes did.
  expiry_ = burst_.before;
  for (const Sample& sample : samples()) {
    if (sample.burst != burst_.number || sample.evidence < kSome) continue;
    const Duration least = sample.evidence >= kSure ? kFloor : burst_.before / 2;
    expiry_ = std::min(expiry_, std::max(least, WithMargin(sample.age)));
  }
  expiry_ = std::max(expiry_, kFloor);
}

// How far the expiry may rise after a connection was idle for so long.
Duration LearnedExpiry::Climb(Duration survived, TimePoint now) {
  Duration target = std::min(kCap, survived + survived / 4);
  for (size_t i = 0; i < count_;) {
    Sample& sample = samples_[i];
    const bool holds = Holds(sample, now);
    if (!holds && survived > sample.age) {
      sample = samples_[--count_];  // that age is no timeout, or no longer one
      continue;
    }
    if (holds) {
      target = std::min(target, WithMargin(sample.age));
    } else if (sample.evidence >= kSure) {
      target = std::min(target, std::max(WithMargin(sample.age), survived + survived / 20));
    }
    ++i;
  }
  return target;
}

void LearnedExpiry::ObserveSurvived(Duration idle_age, TimePoint now) {
  const Duration age = std::clamp(idle_age, Duration::zero(), kCap);
  // A sample that holds may be below the expiry, which it has lowered once and does not lower
  // again.
  expiry_ = std::max(expiry_, Climb(age, now));
  HOLDFAST_CHECK(expiry_ >= kFloor && expiry_ <= kCap);
}

std::optional<Duration> LearnedExpiry::learned() const {
  std::optional<Duration> lowest;
  for (const Sample& sample : samples()) {
    if (sample.evidence >= kSure) lowest = std::min(lowest.value_or(sample.age), sample.age);
  }
  return lowest;
}

}  // namespace holdfast::pool
