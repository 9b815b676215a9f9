using IotPsk.Net.Buffers;

namespace IotPsk.Net.Sessions;

/// <summary>Prologue: the first plaintext is read and judged before anything goes upstream.</summary>
internal sealed partial class TlsSession
{
    private SessionPrologue? _prologue;
    private Backlog _prologueData;
    private bool _delimitsItself;
    private bool _replyIsDue;

    private SessionPrologue? MakePrologue() =>
        _options.ProtocolPrologue is { } make && _tls!.Session!.ApplicationProtocol is { IsEmpty: false } protocol ? make(protocol) : _options.Prologue?.Invoke();

    private void BeginPrologue(SessionPrologue prologue)
    {
        _prologue = prologue;
        _delimitsItself = true;
        _state = State.Prologue;
        Arm(Limits.PrologueTimeout);
        // What came along with the client's Finished is decrypted without waiting for the socket.
        _inputPending = !_input.IsEmpty;
        ReadPrologue();
    }

    private void ReadPrologue()
    {
        FlushClient();
        while (_state == State.Prologue && !_replyIsDue && CanReadClient && !(_client.IsBlocked && _tls!.HasOutput))
        {
            var plain = ReadClient();
            if (plain > 0) Inspect(Plain[..plain]);
        }
        if (_state != State.Prologue) return;
        // Nothing is read while the reply is awaited; epoll alone tells that the client is gone.
        if (_replyIsDue && _clientEnd == ClientEnd.Open && (_client.Hangup || _client.Broken)) ClientIsGone();
        else if (_clientEnd != ClientEnd.Open) EndOfClient();
    }

    /// <summary>What the prologue waited for; false if nobody waits any more.</summary>
    internal bool Reply(ReadOnlySpan<byte> reply)
    {
        if (_state != State.Prologue || !_replyIsDue) return false;
        WriteClient(reply);
        EndWithNotify(CloseReason.PrologueAnswered);
        return true;
    }

    private void Inspect(ReadOnlySpan<byte> fresh)
    {
        if (!_prologueData.IsEmpty)
        {
            _prologueData.Append(Pool, fresh);
            fresh = _prologueData.Bytes;
        }
        ScratchWriter upstream = _shard.ForUpstream, reply = _shard.Reply;
        try
        {
            var status = _prologue!.Inspect(fresh, Info, out var consumed, upstream, reply);
            Decide(status, fresh, consumed);
        }
        finally
        {
            upstream.Clear();
            reply.Clear();
        }
    }

    private void Decide(PrologueStatus status, ReadOnlySpan<byte> received, int consumed)
    {
        switch (status)
        {
            case PrologueStatus.NeedMore:
                KeepForPrologue(received, consumed);
                if (_prologueData.Length >= Limits.PrologueBytes) EndWithNotify(CloseReason.PrologueTooLarge);
                break;
            case PrologueStatus.Forward:
                QueueGreeting();
                _upstream.Queue(Pool, _shard.ForUpstream.Written);
                _upstream.Queue(Pool, received[consumed..]);
                _prologueData.Clear(Pool);
                WriteClient(_shard.Reply.Written);
                Connect();
                break;
            case PrologueStatus.Wait:
                _replyIsDue = true;
                _prologueData.Clear(Pool);
                break;
            default:
                _shard.Counters.PrologueRefusals++;
                WriteClient(_shard.Reply.Written);
                EndWithNotify(CloseReason.PrologueRefused);
                break;
        }
    }

    private void KeepForPrologue(ReadOnlySpan<byte> received, int consumed)
    {
        if (_prologueData.IsEmpty) _prologueData.Append(Pool, received[consumed..]);
        else _prologueData.Consume(Pool, consumed);
    }
}
