using System.Buffers.Binary;
using System.Formats.Asn1;

namespace IotPsk.Keys;

/// <summary>How a TPM proves to be one, and that a key is in it (TPM 2.0 Part 1, s24: credential protection).</summary>
public sealed unsafe partial class EsysTpm
{
    private const ushort NvChunk = 512;

    /// <summary>The endorsement key that has a certificate; null when the TPM brought none.</summary>
    internal Endorsement? ReadEndorsement()
    {
        foreach (var template in EndorsementTemplate.All)
        {
            if (ReadCertificate(template) is not { } certificate)
                continue;
            var key = CreateEndorsementKey(template, out var wire);
            Flush(key);
            return new Endorsement(wire, certificate);
        }

        return null;
    }

    /// <summary>TPM2_MakeCredential: a value that only the TPM with this endorsement key opens, and only while a key of this name is in it.</summary>
    /// <returns>TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET.</returns>
    internal (byte[] Blob, byte[] Secret) MakeCredential(byte[] endorsementPublic, ReadOnlySpan<byte> keyName, ReadOnlySpan<byte> value)
    {
        var endorsement = LoadExternal(endorsementPublic, "the other TPM's endorsement key");
        try
        {
            var connection = Connection;
            connection.Put(_first, TpmWire.Sized(value), &Tss2.Tss2_MU_TPM2B_DIGEST_Unmarshal);
            connection.Put(_second, TpmWire.Sized(keyName), &Tss2.Tss2_MU_TPM2B_NAME_Unmarshal);
            nint blob = 0, secret = 0;
            uint rc;
            var attempt = 0;
            do
            {
                rc = Tss2.Esys_MakeCredential(
                    connection.Context, endorsement, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, _first.Address, _second.Address, &blob, &secret);
            }
            while (connection.Again(TpmCommand.MakeCredential, rc, ref attempt));
            _first.Clear();
            connection.Check(rc, "TPM2_MakeCredential");
            var wrapped = connection.Take(ref blob, &Tss2.Tss2_MU_TPM2B_ID_OBJECT_Marshal).ToArray();
            return (wrapped, connection.Take(ref secret, &Tss2.Tss2_MU_TPM2B_ENCRYPTED_SECRET_Marshal).ToArray());
        }
        finally
        {
            Flush(endorsement);
        }
    }

    /// <summary>TPM2_ActivateCredential: opens what was made for this TPM and for a key that is in it.</summary>
    /// <param name="storageRoot">The key it must be made for.</param>
    /// <param name="endorsementPublic">TPM2B_PUBLIC of the endorsement key it must be made for.</param>
    /// <param name="blob">TPM2B_ID_OBJECT.</param>
    /// <param name="secret">TPM2B_ENCRYPTED_SECRET.</param>
    /// <exception cref="TpmException">It was made for another TPM, or for another key.</exception>
    internal byte[] ActivateCredential(TpmKeyReference storageRoot, byte[] endorsementPublic, byte[] blob, byte[] secret)
    {
        var template = EndorsementTemplate.Of(endorsementPublic)
            ?? throw new TpmException(TpmFault.KeyMismatch, "The challenge is for no endorsement key of a kind this program knows (ECC P-256, RSA 2048)");
        var endorsement = CreateEndorsementKey(template, out var wire);
        var session = Tss2.TrNone;
        try
        {
            if (!wire.AsSpan().SequenceEqual(endorsementPublic))
                throw new TpmException(TpmFault.KeyMismatch, $"The challenge is for the endorsement key of another TPM than that at {Address}");
            var storage = Find(storageRoot, []);
            session = StartPolicySession();
            SatisfyEndorsement(session);
            return Activate(storage, endorsement, session, blob, secret);
        }
        finally
        {
            if (session != Tss2.TrNone)
                Flush(session);
            Flush(endorsement);
        }
    }

    private byte[] Activate(uint storage, uint endorsement, uint session, byte[] blob, byte[] secret)
    {
        var connection = Connection;
        connection.Put(_first, blob, &Tss2.Tss2_MU_TPM2B_ID_OBJECT_Unmarshal);
        connection.Put(_second, secret, &Tss2.Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal);
        nint value = 0;
        uint rc;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_ActivateCredential(
                connection.Context, storage, endorsement, Tss2.TrPassword, session, Tss2.TrNone, _first.Address, _second.Address, &value);
        }
        while (connection.Again(TpmCommand.ActivateCredential, rc, ref attempt));
        if (TpmErrors.IsWrongCredential(rc))
            throw new TpmException(TpmFault.KeyMismatch, $"TPM at {Address}: the challenge was made for another storage key or another TPM, or was changed on its way (0x{rc:x})", rc);
        connection.Check(rc, "TPM2_ActivateCredential");
        return connection.Take(ref value, &Tss2.Tss2_MU_TPM2B_DIGEST_Marshal)[2..].ToArray();
    }

    /// <summary>The policy of an endorsement key: knowledge of the endorsement hierarchy's authorisation value, which is empty on most machines.</summary>
    private void SatisfyEndorsement(uint session)
    {
        var connection = Connection;
        connection.Put(_first, TpmWire.Empty, &Tss2.Tss2_MU_TPM2B_DIGEST_Unmarshal);
        nint timeout = 0, ticket = 0;
        uint rc;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_PolicySecret(
                connection.Context, Tss2.TrEndorsement, session, Tss2.TrPassword, Tss2.TrNone, Tss2.TrNone, _first.Address, _first.Address, _first.Address,
                0, &timeout, &ticket);
        }
        while (connection.Again(TpmCommand.PolicySecret, rc, ref attempt));
        connection.Check(rc, "TPM2_PolicySecret of the endorsement hierarchy");
        Tss2.Esys_Free(timeout);
        Tss2.Esys_Free(ticket);
    }

    private uint CreateEndorsementKey(EndorsementTemplate template, out byte[] wire)
    {
        var transient = CreatePrimary(Tss2.TrEndorsement, template.Wire, "the endorsement key");
        try
        {
            wire = ReadPublicOf(transient, "the endorsement key").Wire.ToArray();
            return transient;
        }
        catch
        {
            Flush(transient);
            throw;
        }
    }

    private byte[]? ReadCertificate(EndorsementTemplate template)
    {
        if (!TryOpen(template.CertificateIndex, out var tr))
            return null;
        var content = new byte[NvSize(tr, template.CertificateIndex)];
        for (var at = 0; at < content.Length;)
            at += ReadNv(tr, template.CertificateIndex, at, content.AsSpan(at));
        try
        {
            // Some vendors make the index larger than the certificate.
            AsnDecoder.ReadEncodedValue(content, AsnEncodingRules.BER, out _, out _, out var length);
            return content[..length];
        }
        catch (AsnContentException)
        {
            return content;
        }
    }

    private int NvSize(uint tr, uint index)
    {
        var connection = Connection;
        nint nvPublic = 0, name = 0;
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_NV_ReadPublic(connection.Context, tr, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, &nvPublic, &name);
        while (connection.Again(TpmCommand.NvReadPublic, rc, ref attempt));
        connection.Check(rc, $"TPM2_NV_ReadPublic of 0x{index:x8}");
        Tss2.Esys_Free(name);
        return BinaryPrimitives.ReadUInt16BigEndian(connection.Take(ref nvPublic, &Tss2.Tss2_MU_TPM2B_NV_PUBLIC_Marshal)[^2..]);
    }

    private int ReadNv(uint tr, uint index, int offset, Span<byte> target)
    {
        var connection = Connection;
        nint data = 0;
        uint rc;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_NV_Read(
                connection.Context, tr, tr, Tss2.TrPassword, Tss2.TrNone, Tss2.TrNone, (ushort)Math.Min(target.Length, NvChunk), (ushort)offset, &data);
        }
        while (connection.Again(TpmCommand.NvRead, rc, ref attempt));
        connection.Check(rc, $"TPM2_NV_Read of the endorsement certificate at 0x{index:x8}");
        var content = connection.Take(ref data, &Tss2.Tss2_MU_TPM2B_MAX_NV_BUFFER_Marshal)[2..];
        content.CopyTo(target);
        return content.Length > 0 ? content.Length : throw new TpmException(TpmFault.Failed, $"TPM at {Address}: TPM2_NV_Read answered no bytes");
    }
}
