#ifndef HOLDFAST_POOL_CONNECTION_TIE_H_
#define HOLDFAST_POOL_CONNECTION_TIE_H_

namespace holdfast::pool {

class ConnectionPool;
class UpstreamConnection;

// A client's claim to the upstream connection that has authenticated it. NTLM and Negotiate
// authenticate a connection and every request that follows on it (RFC 4559 section 6), so that
// connection never serves anybody else. Between two requests of the client it lies aside in its
// pool, where the end of a lease with this tie puts it.
//
//   ConnectionTie tie;  // of the client's session
//   cluster.Acquire(waiter, {.tie = &tie}, &picked);
//   ...
//   lease.End({..., .authenticated = true, .tie = &tie});
//
// A tie holds one connection; taking another closes the first. The pool may close it at any time,
// and destruction closes it. One thread, that of the pool; the pool may be destroyed first.
class ConnectionTie {
 public:
  ConnectionTie() = default;
  ~ConnectionTie() { Close(); }
  ConnectionTie(const ConnectionTie&) = delete;
  ConnectionTie& operator=(const ConnectionTie&) = delete;

  bool held() const { return upstream_ != nullptr; }
  // While held.
  ConnectionPool* pool() const;
  UpstreamConnection& upstream() const;
  // The client is gone, or has no more use for it.
  void Close();

 private:
  friend class ConnectionPool;
  friend class IdleStack;

  // The pool has put the connection aside for it; or takes it away again.
  void Take(UpstreamConnection* upstream);
  void Lose(const UpstreamConnection& upstream);

  UpstreamConnection* upstream_ = nullptr;  // alone: each client's connection has a tie
};

}  // namespace holdfast::pool

#endif  // HOLDFAST_POOL_CONNECTION_TIE_H_
