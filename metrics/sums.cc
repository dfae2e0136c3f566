#include "metrics/sums.h"

namespace holdfast::metrics {

Sums::Sums() {
  for (const Description& description : AllMetrics()) {
    FamilySums& family = families_[IndexOf(description.metric)];
    switch (description.type) {
      case Type::kCounter: family.emplace<SumsByLabels<Counter>>(); break;
      case Type::kGauge: family.emplace<SumsByLabels<Gauge>>(); break;
      case Type::kHistogram: family.emplace<SumsByLabels<Histogram>>(); break;
    }
  }
}

}  // namespace holdfast::metrics
