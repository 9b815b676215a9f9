using System.Buffers.Binary;

namespace IotPsk.Keys;

/// <summary>
/// Keys that work while the machine's PCRs are as they were when the key was made: PolicyPCR, and PolicyAuthValue where keys have an
/// authorisation value. The policy is satisfied anew for each use, in one session that is kept.
/// </summary>
public sealed unsafe partial class EsysTpm
{
    private const byte TrialSession = 3;
    private const uint ResponsePcrChanged = 0x128;
    private uint _pcrSession = Tss2.TrNone;

    /// <summary>The policy of a key that is bound to the PCRs as they are now.</summary>
    /// <exception cref="TpmException">The TPM failed, or does not have these PCRs.</exception>
    private byte[] PolicyOf(PcrSelection pcr)
    {
        RequirePcrs(pcr);
        var session = StartPolicySession(TrialSession, Tss2.TrNone);
        try
        {
            SatisfyPcr(session, pcr);
            var connection = Connection;
            nint digest = 0;
            uint rc;
            var attempt = 0;
            do
                rc = Tss2.Esys_PolicyGetDigest(connection.Context, session, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, &digest);
            while (connection.Again(TpmCommand.PolicyGetDigest, rc, ref attempt));
            connection.Check(rc, "TPM2_PolicyGetDigest");
            return connection.Take(ref digest, &Tss2.Tss2_MU_TPM2B_DIGEST_Marshal)[2..].ToArray();
        }
        finally
        {
            Flush(session);
        }
    }

    private void Hmac(TpmKeyReference key, PcrSelection pcr, ReadOnlySpan<byte> message, Span<byte> mac)
    {
        var tr = Find(key, _options.KeyAuth.Span);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                Hmac(tr, message, mac, null, key.Handle, AuthorizeByPcr(pcr));
                return;
            }
            catch (TpmException e)
            {
                // Whatever failed, what the session has of the policy is of no use for the next command.
                EndPcrSession();
                if ((e.ResponseCode & 0xfff) == ResponsePcrChanged && attempt == 0)
                    continue;
                if (e.Fault != TpmFault.Refused)
                    throw;
                throw new TpmException(
                    TpmFault.PcrChanged,
                    $"TPM at {Address}: the key at 0x{key.Handle:x8} is for this machine with the PCRs {pcr} as they were when it was made, and they are others now: firmware, " +
                    "boot loader or kernel changed, or something else was started. Start what was started then; if the change is meant to stay, iotpsk fleet rotate makes a " +
                    "key for it, and the devices of this one need new credentials",
                    e.ResponseCode);
            }
        }
    }

    private uint AuthorizeByPcr(PcrSelection pcr)
    {
        var root = _options.EncryptSession ? _options.StorageRoot ?? _ensuredRoot : null;
        if (_pcrSession == Tss2.TrNone)
            _pcrSession = StartPolicySession(PolicySession, root == null ? Tss2.TrNone : Find(root, []));
        var attributes = (byte)(ContinueSession | (root == null ? 0 : Decrypt | Encrypt));
        Connection.Check(Tss2.Esys_TRSess_SetAttributes(Connection.Context, _pcrSession, attributes, AllAttributes), "setting up the session");
        SatisfyPcr(_pcrSession, pcr);
        return _pcrSession;
    }

    private void SatisfyPcr(uint session, PcrSelection pcr)
    {
        var connection = Connection;
        connection.Put(_third, TpmWire.Empty, &Tss2.Tss2_MU_TPM2B_DIGEST_Unmarshal);
        connection.Put(_creationPcr, pcr.Wire(), &Tss2.Tss2_MU_TPML_PCR_SELECTION_Unmarshal);
        uint rc;
        var attempt = 0;
        do
            rc = Tss2.Esys_PolicyPCR(connection.Context, session, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, _third.Address, _creationPcr.Address);
        while (connection.Again(TpmCommand.PolicyPcr, rc, ref attempt));
        connection.Check(rc, "TPM2_PolicyPCR of " + pcr);
        if (_options.KeyAuth.IsEmpty)
            return;
        attempt = 0;
        do
            rc = Tss2.Esys_PolicyAuthValue(connection.Context, session, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone);
        while (connection.Again(TpmCommand.PolicyAuthValue, rc, ref attempt));
        connection.Check(rc, "TPM2_PolicyAuthValue");
    }

    /// <summary>A bank that is switched off has no values, and a policy over nothing would hold always.</summary>
    private void RequirePcrs(PcrSelection pcr)
    {
        var connection = Connection;
        foreach (var register in pcr.Indexes)
        {
            var one = pcr.Wire(register);
            connection.Put(_creationPcr, one, &Tss2.Tss2_MU_TPML_PCR_SELECTION_Unmarshal);
            uint rc, updates = 0;
            nint selected = 0, values = 0;
            var attempt = 0;
            do
                rc = Tss2.Esys_PCR_Read(connection.Context, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, _creationPcr.Address, &updates, &selected, &values);
            while (connection.Again(TpmCommand.PcrRead, rc, ref attempt));
            connection.Check(rc, "TPM2_PCR_Read");
            Tss2.Esys_Free(selected);
            if (BinaryPrimitives.ReadUInt32BigEndian(connection.Take(ref values, &Tss2.Tss2_MU_TPML_DIGEST_Marshal)) != 1)
                throw new TpmException(TpmFault.NotSupported, $"TPM at {Address}: it keeps no PCR {register} in the bank of {pcr}: see tpm2_pcrread, or name another bank");
        }
    }

    private void EndPcrSession()
    {
        var session = _pcrSession;
        _pcrSession = Tss2.TrNone;
        if (session != Tss2.TrNone)
            Flush(session);
    }
}
