namespace IotPsk.Keys;

/// <summary>
/// How commands are authorised: by password, or in a session salted to the storage root, whose parameters are encrypted: what is a secret
/// then crosses the bus as a secret. The session is opened once; it costs about 2 ms of this processor a command.
/// </summary>
public sealed unsafe partial class EsysTpm
{
    private const byte ContinueSession = 0x01, Decrypt = 0x20, Encrypt = 0x40, AllAttributes = 0xff;
    private readonly NativeBlock _symmetric = new();
    private TpmKeyReference? _ensuredRoot;
    private uint _session = Tss2.TrNone;

    /// <summary>What the next command is authorised by. Before the storage root is known, that is before a fleet is made, it is the password.</summary>
    /// <param name="decrypt">Whether the command's first parameter is a sized buffer, which alone can be encrypted.</param>
    /// <param name="encrypt">Whether the answer's is.</param>
    private uint Authorize(bool decrypt = true, bool encrypt = true)
    {
        if (!_options.EncryptSession || (_options.StorageRoot ?? _ensuredRoot) is not { } root)
            return Tss2.TrPassword;
        if (_session == Tss2.TrNone)
            _session = StartSession(Find(root, []));
        var attributes = (byte)(ContinueSession | (decrypt ? Decrypt : 0) | (encrypt ? Encrypt : 0));
        Connection.Check(Tss2.Esys_TRSess_SetAttributes(Connection.Context, _session, attributes, AllAttributes), "setting up the session");
        return _session;
    }

    /// <summary>Salted to a key whose name was compared: nobody but that TPM can answer in it.</summary>
    private uint StartSession(uint salt)
    {
        var connection = Connection;
        connection.Put(_symmetric, TpmWire.SessionCipher, &Tss2.Tss2_MU_TPMT_SYM_DEF_Unmarshal);
        uint rc, session = Tss2.TrNone;
        var attempt = 0;
        do
        {
            rc = Tss2.Esys_StartAuthSession(
                connection.Context, salt, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, Tss2.TrNone, 0, TpmWire.SessionHmac, _symmetric.Address, TpmWire.AlgSha256, &session);
        }
        while (connection.Again(TpmCommand.StartAuthSession, rc, ref attempt));
        connection.Check(rc, "TPM2_StartAuthSession");
        return session;
    }

    private void EndSession()
    {
        var session = _session;
        _session = Tss2.TrNone;
        if (session != Tss2.TrNone)
            Flush(session);
    }
}
