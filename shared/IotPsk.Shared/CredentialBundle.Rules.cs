using System.Text;

namespace IotPsk.Shared
{
    public sealed partial class CredentialBundle
    {
        private const int MaxAddressLength = 261;
        private const int MaxTls12IdentityLength = 128;
        private const int LongRandoms = 32;
        private const int ShortRandoms = 28;
        private const string NotABundle = "not a credential bundle (canonical CBOR, version 1), or cut short";

        /// <summary>Says what is wrong with the first field that is missing or wrong.</summary>
        /// <returns>Text that names the field, or null if the bundle is right.</returns>
        public string FindProblem()
        {
            int field = FindWrongField();
            return field == 0 ? null : Describe(field);
        }

        private int FindWrongField()
        {
            if (!Shared.DeviceId.IsValid(DeviceId))
            {
                return 2;
            }

            if (!IsServerId(ServerId))
            {
                return 3;
            }

            if (!IsAddress(TlsAddress))
            {
                return 4;
            }

            if (DtlsAddress != null && !IsAddress(DtlsAddress))
            {
                return 5;
            }

            if (Epoch < 0 || Epoch > Shared.ExternalIdentity.MaxEpoch)
            {
                return 12;
            }

            int field = SessionRandoms != 0 ? FindWrongOfSession() : !IsIdentityOfDevice() ? 6 : FindWrongKey();
            if (field != 0)
            {
                return field;
            }

            return RecordSizeLimit < MinRecordSizeLimit || RecordSizeLimit > MaxRecordSizeLimit ? 10 : 0;
        }

        // One identity and one key, for (D)TLS 1.2 alone.
        private int FindWrongOfSession()
        {
            if (SessionRandoms != LongRandoms && SessionRandoms != ShortRandoms)
            {
                return 13;
            }

            if (Epoch != 0)
            {
                return 12;
            }

            if (Tls13Identity != null)
            {
                return 6;
            }

            if (Tls13Key != null)
            {
                return 7;
            }

            string text = Tls12Identity == null || Tls12Identity.Length > MaxTls12IdentityLength
                ? null : Encoding.UTF8.GetString(Tls12Identity, 0, Tls12Identity.Length);
            if (!ExternalIdentity.TryParse(text, out string device, out int epoch) || device != DeviceId
                || epoch != ExternalIdentity.SessionEpoch)
            {
                return 8;
            }

            return Tls12Key != null && Tls12Key.Length != KeyLength ? 9 : 0;
        }

        private int FindWrongKey()
        {
            if (Tls13Key != null && Tls13Key.Length != KeyLength)
            {
                return 7;
            }

            if (Tls12Identity != null && (Tls12Identity.Length == 0 || Tls12Identity.Length > MaxTls12IdentityLength))
            {
                return 8;
            }

            if (Tls12Key != null)
            {
                // With the keys of both protocols or of none: half a bundle is no public part.
                return Tls12Key.Length != KeyLength ? 9 : Tls12Identity == null ? 8 : Tls13Key == null ? 7 : 0;
            }

            return Tls12Identity != null && Tls13Key != null ? 9 : 0;
        }

        // The identity has to be this device's, for this fleet and epoch: a mixed-up bundle could only ever fail at the server.
        private bool IsIdentityOfDevice()
        {
            ImportedIdentity identity = Tls13Identity == null
                ? null : ImportedIdentity.TryParse(Tls13Identity, 0, Tls13Identity.Length);
            if (identity == null || identity.TargetProtocol != ImportedIdentity.Tls13
                || identity.TargetKdf != ImportedIdentity.HkdfSha256)
            {
                return false;
            }

            byte[] external = identity.ExternalIdentity;
            string text = external.Length > ExternalIdentity.MaxLength
                ? null : Encoding.UTF8.GetString(external, 0, external.Length);
            if (!ExternalIdentity.TryParse(text, out string device, out int epoch) || device != DeviceId
                || (epoch > 0 ? epoch : 0) != Epoch)
            {
                return false;
            }

            return RoleContext.TryParse(identity.Context, out string client, out string server)
                && client == DeviceId && server == ServerId;
        }

        private static bool IsServerId(string text)
        {
            if (text == null || text.Length == 0 || text.Length > RoleContext.MaxNameLength)
            {
                return false;
            }

            for (int i = 0; i < text.Length; i++)
            {
                if (text[i] < 0x20 || text[i] > 0x7e)
                {
                    return false;
                }
            }

            return true;
        }

        private static bool IsAddress(string text)
        {
            if (text == null || text.Length > MaxAddressLength)
            {
                return false;
            }

            int colon = text.LastIndexOf(':');
            int digits = text.Length - colon - 1;
            if (colon < 1 || digits < 1 || digits > 5 || text[colon + 1] == '0')
            {
                return false;
            }

            for (int i = 0; i < colon; i++)
            {
                if (text[i] <= 0x20 || text[i] > 0x7e)
                {
                    return false;
                }
            }

            int port = 0;
            for (int i = colon + 1; i < text.Length; i++)
            {
                if (text[i] < '0' || text[i] > '9')
                {
                    return false;
                }

                port = (port * 10) + (text[i] - '0');
            }

            return port <= 65535;
        }

        private static string Describe(int field)
        {
            return "bundle field " + field.ToString() + ": " + DescribeField(field);
        }

        private static string DescribeField(int field)
        {
            switch (field)
            {
                case 1: return "the version is missing or is not 1";
                case 2: return "the device id is missing or is not " + Shared.DeviceId.Rule;
                case 3: return "the server id is missing or is not 1 to 255 printable ASCII characters";
                case 4: return "the TLS address is missing or is not host:port";
                case 5: return "the DTLS address is not host:port";
                case 6: return "the TLS 1.3 identity is missing (in session mode: is there) or is not the ImportedIdentity of this device, server and epoch";
                case 7: return "the TLS 1.3 key is missing or has not 32 bytes";
                case 8: return "the TLS 1.2 identity is missing or has not 1 to 128 bytes";
                case 9: return "the TLS 1.2 key is missing or has not 32 bytes";
                case 10: return "the record size limit is missing or outside 64..16385";
                case 11: return "the connection id switch is missing or not true or false";
                case 12: return "the epoch is missing or outside 0..999999999";
                case 13: return "session mode is not 32 or 28 bytes of each random";
                case FirstSkippedField: return "a field from 64 on is not canonical CBOR";
                default: return "this version does not know it";
            }
        }
    }
}
