using System.Security.Cryptography;
using IotPsk.Tls.Crypto;

namespace IotPsk.Tls.Tests.Support;

/// <summary>A library whose n-th operation, and every one after it, fails.</summary>
internal sealed class FailingCrypto(int failAt) : ForwardingCrypto
{
    public int Operations { get; private set; }

    protected override CryptoProvider Library => ++Operations >= failAt ? throw new CryptographicException("out of order") : Default;
}
