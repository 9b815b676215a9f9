using IotPsk.Shared;

namespace IotPsk.Lwm2m.Coap;

/// <summary>Requests: once each, refused or answered (RFC 7252 s4.5, s5.2, s5.4, s5.8).</summary>
public sealed partial class CoapServer
{
    private void TakeRequest(CoapPeer peer, long now)
    {
        int messageId = _reader.MessageId;
        bool confirmable = _reader.Type == CoapType.Confirmable;
        if (_replies.TryFind(peer, messageId, now, out ReadOnlySpan<byte> before))
        {
            Counters.Duplicates++;
            // Acknowledged again, processed once; a non-confirmable one is ignored (RFC 7252 s4.5).
            if (!before.IsEmpty && confirmable)
                _channel.Send(peer, before);
            return;
        }
        bool mayRunAgain = CoapCodes.IsIdempotent(_reader.Code);
        _exchange.Reset(peer, now);
        _hasBlock = false;
        bool rejected = !TryAnswer(out ICoapResource? resource);
        if (resource is not null && TakeBlock(peer, now))
            Run(resource);
        Conclude(peer, messageId, confirmable, rejected, mayRunAgain, now);
    }

    // False if the message is to be rejected: neither answered nor acknowledged.
    private bool TryAnswer(out ICoapResource? resource)
    {
        resource = null;
        Route? route = FindRoute();
        int badOption = FindBadOption(route, out bool forProxy);
        if (forProxy)
        {
            // RFC 7252 s5.10.2: one that is no proxy says so.
            _exchange.Answer(CoapCode.ProxyingNotSupported);
            return true;
        }
        if (route is null)
        {
            Counters.UnknownPaths++;
            _exchange.Answer(CoapCode.NotFound);
            return true;
        }
        if (badOption == 0)
        {
            _exchange.PathSegments = route.Segments.Length;
            resource = route.Resource;
            return true;
        }
        Counters.BadOptions++;
        // RFC 7252 s5.4.1: 4.02 to a confirmable request, a non-confirmable one is rejected.
        if (_reader.Type != CoapType.Confirmable)
            return false;
        _exchange.Answer(CoapCode.BadOption, $"The option {badOption} is critical and not heeded here.");
        return true;
    }

    // The number of the first critical option that is not heeded, or 0.
    private int FindBadOption(Route? route, out bool forProxy)
    {
        int bad = 0, before = 0;
        forProxy = false;
        _reader.RewindOptions();
        while (_reader.ReadOption())
        {
            int number = _reader.OptionNumber;
            bool again = number == before && !CoapOption.IsRepeatable(number);
            before = number;
            forProxy |= number is CoapOption.ProxyUri or CoapOption.ProxyScheme;
            if (CoapOption.IsCritical(number) && bad == 0 && (again || !IsHeeded(route, number)))
                bad = number;
        }
        _reader.RewindOptions();
        return bad;
    }

    // One of a length it may not have counts as not known (RFC 7252 s5.4.3), one too many as well (s5.4.5).
    private bool IsHeeded(Route? route, int number) =>
        CoapOption.IsLengthAllowed(number, _reader.OptionLength)
        && (number is CoapOption.UriHost or CoapOption.UriPort or CoapOption.UriPath or CoapOption.UriQuery || route?.Resource.Heeds(number) != false);

    private Route? FindRoute()
    {
        foreach (Route route in _routes)
        {
            if (Fits(route))
                return route;
        }
        return null;
    }

    private bool Fits(Route route)
    {
        int at = 0;
        _reader.RewindOptions();
        while (_reader.ReadOption() && _reader.OptionNumber <= CoapOption.UriPath)
        {
            if (_reader.OptionNumber != CoapOption.UriPath)
                continue;
            if (at == route.Segments.Length)
                return route.AndBelow;
            if (!_reader.IsText(route.Segments[at]))
                return false;
            at++;
        }
        return at == route.Segments.Length;
    }

    private void Run(ICoapResource resource)
    {
        Counters.Requests++;
        try
        {
            resource.Handle(_exchange);
        }
        // Whatever a resource does wrong is its own request's matter, not that of everybody on this thread.
        catch (Exception failure)
        {
            Counters.Failures++;
            _exchange.Answer(CoapCode.InternalServerError);
            _options.OnFailure?.Invoke(failure);
            return;
        }
        if (!_exchange.IsAnswered && !_exchange.IsDeferred)
        {
            Counters.Failures++;
            _exchange.Answer(CoapCode.InternalServerError);
        }
    }

    private void Conclude(CoapPeer peer, int messageId, bool confirmable, bool rejected, bool mayRunAgain, long now)
    {
        int length = _exchange.Length;
        if (rejected)
            length = CoapWriter.WriteEmpty(CoapType.Reset, messageId, ReplyBuffer, 0);
        else if (_exchange.IsDeferred || IsUnwanted(length))
        {
            // Nothing but the acknowledgement, if one is waited for (RFC 7252 s5.2.2, RFC 7967 s2).
            length = confirmable && !_exchange.IsHeld ? CoapWriter.WriteEmpty(CoapType.Acknowledgement, messageId, ReplyBuffer, 0) : 0;
            mayRunAgain &= !_exchange.IsDeferred;
        }
        else if (_hasBlock)
            length = AcknowledgeBlock(length);
        ReadOnlySpan<byte> reply = ReplyBuffer.AsSpan(0, length);
        if (!_exchange.IsHeld || !_replies.Knows(peer, messageId))
            _replies.Add(peer, messageId, now, confirmable ? reply : default, mayRunAgain);
        if (length > 0 && peer.IsOpen)
            _channel.Send(peer, reply);
    }

    private bool IsUnwanted(int length) =>
        length > 0 && _reader.FindOption(CoapOption.NoResponse) && _reader.TryGetUInt(out uint value)
        && CoapNoResponse.Suppresses((int)value, (CoapCode)ReplyBuffer[1]);
}
