#include "gateway/route/rewrite.h"

#include <algorithm>
#include <cstddef>

namespace holdfast::route {
namespace {

using http::PathDoubt;
using http::PathForm;

std::string Joined(std::string_view prefix, std::string_view rest) {
  std::string path(prefix);
  if (rest.empty()) return path;
  if (!path.ends_with('/')) path.push_back('/');
  path += rest.substr(rest.starts_with('/') ? 1 : 0);
  return path;
}

// Behind a prefix that a segment ends with, a slash at the end of the path is one of what comes
// out.
std::string WithPrefix(const config::Route& route, std::string_view path) {
  const std::string_view rest = BehindPrefix(route.match, path);
  std::string joined = Joined(*route.rewrite.path_prefix, rest);
  if (path.ends_with('/') && path.size() > 1 && !joined.ends_with('/')) joined.push_back('/');
  return joined;
}

// False: the pattern does not match.
bool Replaced(const config::PathSwap& swap, const http::PathPolicy& policy, std::string_view path,
              std::string* out) {
  if (swap.pattern.Replace(path, swap.to, out)) return true;
  if (policy.byte_for_byte()) return false;
  PathForm form;
  return form.Read(path) == PathDoubt::kNone && form.matched() != path &&
         swap.pattern.Replace(form.matched(), swap.to, out);
}

// Whether each reader sees the same path. Parts of a path that were harmless where they stood may
// not be so where they were put.
PathDoubt CheckPath(const http::PathPolicy& policy, std::string_view path) {
  if (!path.starts_with('/')) return PathDoubt::kRewrittenToNoPath;
  PathForm form;
  if (const PathDoubt doubt = form.Read(path, policy); doubt != PathDoubt::kNone) return doubt;
  if (form.must_be_resolved()) {
    return path.starts_with("//") ? PathDoubt::kRewrittenToHost : PathDoubt::kRewrittenToDots;
  }
  if (!form.has_other_readings()) return PathDoubt::kNone;
  return form.ReadLiberally(0, PathForm::ParameterEnd::kAnySeparator);
}

}  // namespace

std::string_view BehindPrefix(const config::Match& match, std::string_view path) {
  if (match.exact_path || !match.path_pattern.empty()) return {};
  // As all paths that are matched byte for byte.
  if (path.starts_with(match.path)) return path.substr(match.path.size());
  return path.substr(http::SpelledBytes(path, match.path.size()));
}

PathDoubt RewriteTarget(const config::Route& route, const http::PathPolicy& policy,
                        const http::RequestHead& request, std::string* target) {
  const config::Rewrite& rewrite = route.rewrite;
  target->clear();
  if (rewrite.path_prefix.has_value()) {
    *target = WithPrefix(route, request.path);
  } else if (rewrite.path.has_value()) {
    *target = *rewrite.path;
  } else if (!rewrite.path_regex.has_value() ||
             !Replaced(*rewrite.path_regex, policy, request.path, target)) {
    *target = request.path;
  }
  if (policy.normalize == http::PathNormalization::kMergeSlashes) http::MergeSlashes(target);
  const size_t query = std::min(target->find('?'), target->size());
  if (*target != request.path) {
    const PathDoubt doubt = CheckPath(policy, std::string_view(*target).substr(0, query));
    if (doubt != PathDoubt::kNone) return doubt;
  }
  if (rewrite.query == config::QueryRewrite::kDrop || !request.has_query) return PathDoubt::kNone;
  if (query == target->size()) {
    target->push_back('?');
  } else if (!target->ends_with('?') && !request.query.empty()) {
    target->push_back('&');
  }
  target->append(request.query);
  return PathDoubt::kNone;
}

}  // namespace holdfast::route
