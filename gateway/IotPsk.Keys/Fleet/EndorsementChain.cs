using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace IotPsk.Keys;

/// <summary>
/// Whose TPMs are trusted to be TPMs: the certificates of vendors, or of who made a virtual TPM. An endorsement certificate must lead to one of
/// the roots among them; nothing is fetched, and revocation lists are not asked.
/// </summary>
public sealed class EndorsementChain
{
    /// <summary>tcg-kp-EKCertificate (TCG EK Credential Profile 2.3, s3.2.16).</summary>
    private const string EndorsementUsage = "2.23.133.8.1";
    private readonly X509Certificate2Collection _roots = [];
    private readonly X509Certificate2Collection _intermediates = [];
    private readonly string _where;

    private EndorsementChain(string where) => _where = where;

    /// <summary>Reads PEM certificates: roots, and what stands between them and the TPM's.</summary>
    /// <param name="pem">The text.</param>
    /// <param name="where">The file's name, for messages.</param>
    /// <exception cref="DeviceKeyException">There is no certificate in it, or no root.</exception>
    public static EndorsementChain FromPem(string pem, string where)
    {
        ArgumentNullException.ThrowIfNull(pem);
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new DeviceKeyException($"{where} holds a damaged certificate: {e.Message}", e);
        }

        var chain = new EndorsementChain(where);
        foreach (var certificate in all)
            (certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData) ? chain._roots : chain._intermediates).Add(certificate);
        if (chain._roots.Count == 0)
            throw new DeviceKeyException($"{where} holds no root certificate in PEM: put the vendor's root into it, and the certificates between it and the TPM's");
        return chain;
    }

    /// <summary>Checks that a trusted party says of a key that it is a TPM's endorsement key.</summary>
    /// <returns>Who says so, for the operator.</returns>
    /// <exception cref="DeviceKeyException">It does not; the message says why.</exception>
    internal string Verify(Endorsement endorsement, DateTimeOffset now, string where)
    {
        var template = EndorsementTemplate.Of(endorsement.Public)
            ?? throw new DeviceKeyException($"The endorsement key in {where} is of no kind this program knows (ECC P-256, RSA 2048, by the TCG's templates)");
        using var certificate = Load(endorsement.Certificate, where);
        if (!certificate.PublicKey.EncodedKeyValue.RawData.AsSpan().SequenceEqual(template.SubjectPublicKey(endorsement.Public)))
            throw new DeviceKeyException($"The endorsement key in {where} is not the one that its certificate is about: the file was put together from two TPMs");
        Build(certificate, now, where);
        if (!certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(static usage => usage.EnhancedKeyUsages.Cast<Oid>().Any(static oid => oid.Value == EndorsementUsage)))
            throw new DeviceKeyException($"The certificate in {where} is none of an endorsement key (it lacks the key usage {EndorsementUsage})");
        return $"{certificate.IssuerName.Name}, serial number {certificate.SerialNumber}";
    }

    private void Build(X509Certificate2 certificate, DateTimeOffset now, string where)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_roots);
        chain.ChainPolicy.ExtraStore.AddRange(_intermediates);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.LocalDateTime;
        if (chain.Build(certificate))
            return;
        var faults = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, status) => all | status.Status);
        var last = chain.ChainElements[^1].Certificate;
        throw new DeviceKeyException(faults switch
        {
            _ when faults.HasFlag(X509ChainStatusFlags.NotTimeValid) && OutOfTime(chain, now) is { } expired =>
                $"The endorsement certificate in {where} does not hold now: {expired.SubjectName.Name} is valid from {expired.NotBefore:yyyy-MM-dd} to {expired.NotAfter:yyyy-MM-dd}",
            _ when faults.HasFlag(X509ChainStatusFlags.PartialChain) || faults.HasFlag(X509ChainStatusFlags.UntrustedRoot) =>
                $"The endorsement certificate in {where} does not lead to a root in {_where}: the chain ends with {last.SubjectName.Name}, issued by {last.IssuerName.Name}. " +
                "If that is whom you trust, add the certificate; else it is no TPM of theirs",
            _ => $"The endorsement certificate in {where} is not valid: {string.Join(", ", chain.ChainStatus.Select(static status => status.StatusInformation.Trim()))}",
        });
    }

    private static X509Certificate2? OutOfTime(X509Chain chain, DateTimeOffset now) =>
        chain.ChainElements.Select(static element => element.Certificate).FirstOrDefault(certificate => now < certificate.NotBefore || now > certificate.NotAfter);

    private static X509Certificate2 Load(byte[] der, string where)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(der);
        }
        catch (CryptographicException e)
        {
            throw new DeviceKeyException($"The endorsement certificate in {where} cannot be read: {e.Message}", e);
        }
    }
}
