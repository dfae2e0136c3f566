#include "gateway/http/connection_option.h"

#include "gateway/http/folded_name.h"

namespace holdfast::http {
namespace {

constexpr FoldedEnds kKeepAlive = Fold("keep-alive");
constexpr FoldedEnds kClose = Fold("close");
constexpr FoldedEnds kUpgrade = Fold("upgrade");

}  // namespace

ConnectionOption IdentifyConnectionOption(std::string_view option) {
  switch (option.size()) {
    case 5: return Fold(option) == kClose ? ConnectionOption::kClose : ConnectionOption::kOther;
    case 7: return Fold(option) == kUpgrade ? ConnectionOption::kUpgrade : ConnectionOption::kOther;
    case 10:
      return Fold(option) == kKeepAlive ? ConnectionOption::kKeepAlive : ConnectionOption::kOther;
    default: return ConnectionOption::kOther;
  }
}

}  // namespace holdfast::http
