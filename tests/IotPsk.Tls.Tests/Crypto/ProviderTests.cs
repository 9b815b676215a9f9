using IotPsk.Tls.Crypto;
using IotPsk.Tls.Crypto.BaseLibrary;
using IotPsk.Tls.Crypto.OpenSsl;

namespace IotPsk.Tls.Tests.Crypto;

// The same tests for both libraries behind the seam.
public class OpenSslAeadTests : AeadTests
{
    private protected override CryptoProvider Crypto { get; } = OpenSslProvider.Create();
}

public class OpenSslKeyAgreementTests : KeyAgreementTests
{
    private protected override CryptoProvider Crypto { get; } = OpenSslProvider.Create();

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")]
    [InlineData("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")]
    public void An_X25519_point_of_low_order_is_refused(string point)
    {
        using KeyAgreement own = Crypto.CreateKeyAgreement(NamedGroup.X25519);
        byte[] secret = new byte[32];
        Assert.False(own.TryAgree(Convert.FromHexString(point), secret));
        Assert.Equal(new byte[32], secret);
        Assert.False(own.TryAgree(new byte[31], secret));
    }
}

public class OpenSslHashTests : HashTests
{
    private protected override CryptoProvider Crypto { get; } = OpenSslProvider.Create();
}

public class BaseLibraryAeadTests : AeadTests
{
    private protected override CryptoProvider Crypto { get; } = new BaseLibraryProvider();
}

public class BaseLibraryKeyAgreementTests : KeyAgreementTests
{
    private protected override CryptoProvider Crypto { get; } = new BaseLibraryProvider();
}

public class BaseLibraryHashTests : HashTests
{
    private protected override CryptoProvider Crypto { get; } = new BaseLibraryProvider();
}
