using System.Formats.Asn1;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace IotPsk.Keys.Tests.Support;

/// <summary>A vendor of TPMs: a root, an intermediate, and certificates of endorsement keys as the TCG wants them, written into the TPM.</summary>
internal sealed class EndorsementAuthority : IDisposable
{
    private static readonly DateTimeOffset Begin = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), End = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly X509Certificate2 _root, _intermediate;

    public EndorsementAuthority(string name)
    {
        _root = Authority($"CN={name} root", null);
        _intermediate = Authority($"CN={name} intermediate", _root);
    }

    public string Pem => _root.ExportCertificatePem() + "\n" + _intermediate.ExportCertificatePem();

    public string IntermediatePem => _intermediate.ExportCertificatePem();

    /// <summary>Certifies the endorsement key of a TPM and puts the certificate where such are found; tpm2-tools make the key.</summary>
    public void Certify(Swtpm tpm, string type, TempDirectory directory, string usage = "2.23.133.8.1", DateTimeOffset? until = null, Swtpm? keyOf = null)
    {
        var index = type == "ecc" ? "0x1c0000a" : "0x1c00002";
        string pub = directory[$"ek-{Guid.NewGuid():N}.pem"], der = directory[$"ek-{Guid.NewGuid():N}.der"];
        (keyOf ?? tpm).Tool("tpm2_createek", "-G", type, "-c", pub + ".ctx", "-u", pub, "-f", "pem");
        (keyOf ?? tpm).Tool("tpm2_flushcontext", "-t");
        File.WriteAllBytes(der, Issue(File.ReadAllText(pub), type, usage, until ?? End));
        // Larger than the certificate, as some vendors do it.
        tpm.Tool("tpm2_nvdefine", index, "-C", "o", "-s", (new FileInfo(der).Length + 40).ToString(CultureInfo.InvariantCulture), "-a", "ownerread|authread|ownerwrite|no_da");
        File.AppendAllText(der, new string('\0', 40));
        tpm.Tool("tpm2_nvwrite", index, "-C", "o", "-i", der);
    }

    public void Dispose()
    {
        _root.Dispose();
        _intermediate.Dispose();
    }

    private byte[] Issue(string publicPem, string type, string usage, DateTimeOffset until)
    {
        var request = new CertificateRequest(new X500DistinguishedName("CN=unknown"), Read(publicPem, type), HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(type == "ecc" ? X509KeyUsageFlags.KeyAgreement : X509KeyUsageFlags.KeyEncipherment, critical: true));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], critical: false));
        request.CertificateExtensions.Add(new X509Extension("2.5.29.17", Names(), critical: true));
        using var key = _intermediate.GetECDsaPrivateKey()!;
        using var certificate = request.Create(_intermediate.SubjectName, X509SignatureGenerator.CreateForECDsa(key), Begin, until, RandomNumberGenerator.GetBytes(8));
        return certificate.RawData;
    }

    private static PublicKey Read(string pem, string type)
    {
        using AsymmetricAlgorithm key = type == "ecc" ? ECDiffieHellman.Create() : RSA.Create();
        key.ImportFromPem(pem);
        return PublicKey.CreateFromSubjectPublicKeyInfo(key.ExportSubjectPublicKeyInfo(), out _);
    }

    /// <summary>subjectAltName of a TPM: a directoryName with manufacturer, model and version.</summary>
    private static byte[] Names()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 4)))
        using (writer.PushSequence())
        {
            foreach (var (oid, text) in (ReadOnlySpan<(string, string)>)[("2.23.133.2.1", "id:00001014"), ("2.23.133.2.2", "swtpm"), ("2.23.133.2.3", "id:20191023")])
            {
                using (writer.PushSetOf())
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(oid);
                    writer.WriteCharacterString(UniversalTagNumber.UTF8String, text);
                }
            }
        }

        return writer.Encode();
    }

    private static X509Certificate2 Authority(string name, X509Certificate2? issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        if (issuer is null)
            return request.CreateSelfSigned(Begin, End);
        using var made = request.Create(issuer, Begin, End, RandomNumberGenerator.GetBytes(8));
        return made.CopyWithPrivateKey(key);
    }
}
