namespace IotPsk.Tls.Tests.Errors;

public class ErrorMapTests
{
    public static TheoryData<TlsErrorReason> Reasons => [.. Enum.GetValues<TlsErrorReason>().Where(reason => reason != TlsErrorReason.None)];

    [Theory]
    [MemberData(nameof(Reasons))]
    public void Every_reason_has_a_kind_a_text_and_an_alert_that_fits(TlsErrorReason reason)
    {
        Assert.NotEmpty(TlsErrorMap.Text(reason));
        AlertDescription? alert = TlsErrorMap.Alert(reason);
        switch (TlsErrorMap.Kind(reason))
        {
            case TlsErrorKind.Decode:
                Assert.Equal(AlertDescription.DecodeError, alert);
                break;
            case TlsErrorKind.LocalFault:
                Assert.Equal(AlertDescription.InternalError, alert);
                break;
            case TlsErrorKind.ApiMisuse:
                Assert.Null(alert);
                break;
            case TlsErrorKind.PeerMisbehaved:
                Assert.NotNull(alert);
                Assert.NotEqual(AlertDescription.InternalError, alert);
                break;
            default:
                Assert.NotEqual(AlertDescription.InternalError, alert);
                break;
        }

        if (alert is { } sent)
            Assert.True(Enum.IsDefined(sent));
    }

    [Fact]
    public void No_error_and_unknown_values_are_not_in_the_map()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => TlsErrorMap.Kind(TlsErrorReason.None));
        Assert.Throws<ArgumentOutOfRangeException>(() => TlsErrorMap.Text((TlsErrorReason)9999));
    }

    [Fact]
    public void A_text_says_which_alert_went_which_way()
    {
        Assert.Equal("the PSK binder does not verify (wrong key, or wrong kind of PSK) (alert DecryptError)", new TlsError(TlsErrorReason.BinderMismatch).ToString());
        Assert.Equal("the peer ended the connection (received alert HandshakeFailure)", TlsError.FromPeer(AlertDescription.HandshakeFailure).ToString());
        Assert.Equal(TlsErrorReason.ClosedDuringHandshake, TlsError.FromPeer(AlertDescription.CloseNotify).Reason);
    }
}
