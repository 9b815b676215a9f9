using System;

namespace IotPsk.Shared
{
    /// <summary>The two messages of <c>iotpsk-rekey/1</c>: a device asks, the gateway answers, and both close.</summary>
    /// <remarks>
    /// Request: length (2 bytes, big endian), then the public part of the device's credential bundle. Answer: a code (1 byte, <see cref="RekeyCode"/>),
    /// length (2 bytes), then the new bundle, which names the addresses of the old one; with any other code than Granted the length is 0.
    /// </remarks>
    public static class RekeyMessage
    {
        /// <summary>The name of the protocol in ALPN (RFC 7301).</summary>
        public const string Protocol = "iotpsk-rekey/1";

        /// <summary>How many bytes go before the bundle of a request.</summary>
        public const int RequestHead = 2;

        /// <summary>How many bytes go before the bundle of an answer.</summary>
        public const int AnswerHead = 3;

        /// <summary>The largest request, in bytes.</summary>
        public const int MaxRequest = RequestHead + CredentialBundle.MaxLength;

        /// <summary>The largest answer, in bytes.</summary>
        public const int MaxAnswer = AnswerHead + CredentialBundle.MaxLength;

        /// <summary>How long the request is whose first bytes these are.</summary>
        /// <param name="first">Its first byte.</param>
        /// <param name="second">Its second byte.</param>
        /// <returns>Its length in bytes with the head, or -1 if no request is so long or so short.</returns>
        public static int GetRequestLength(byte first, byte second)
        {
            int length = (first << 8) | second;
            return length == 0 || length > CredentialBundle.MaxLength ? -1 : RequestHead + length;
        }

        /// <summary>Writes a request.</summary>
        /// <param name="credential">The device's credential, without its keys.</param>
        /// <returns>The bytes to send.</returns>
        /// <exception cref="InvalidOperationException">There is a key in it, or a field is missing or wrong.</exception>
        public static byte[] EncodeRequest(CredentialBundle credential)
        {
            if (credential.Tls13Key != null || credential.Tls12Key != null)
            {
                throw new InvalidOperationException("A request holds the public part of the credential, no keys.");
            }

            byte[] bundle = credential.Encode();
            byte[] request = new byte[RequestHead + bundle.Length];
            request[0] = (byte)(bundle.Length >> 8);
            request[1] = (byte)bundle.Length;
            Array.Copy(bundle, 0, request, RequestHead, bundle.Length);
            return request;
        }

        /// <summary>Reads a request.</summary>
        /// <param name="request">The bytes, all of them and no more.</param>
        /// <returns>The public part of the credential.</returns>
        /// <exception cref="FormatException">It is none; the message says why.</exception>
        public static CredentialBundle DecodeRequest(byte[] request)
        {
            if (request.Length < RequestHead || GetRequestLength(request[0], request[1]) != request.Length)
            {
                throw new FormatException("the request has not the length that it names");
            }

            CredentialBundle credential = CredentialBundle.Decode(request, RequestHead, request.Length - RequestHead);
            if (credential.Tls13Key != null)
            {
                credential.Clear();
                throw new FormatException("the request has keys in it");
            }

            return credential;
        }

        /// <summary>Writes an answer.</summary>
        /// <param name="code">What is answered.</param>
        /// <param name="credential">The new credential if the code is Granted, else null.</param>
        /// <param name="buffer">At least <see cref="MaxAnswer"/> bytes; it then holds keys, so the caller clears it.</param>
        /// <returns>How many bytes were written.</returns>
        /// <exception cref="ArgumentException">Code and credential do not fit each other, or the buffer is too small.</exception>
        /// <exception cref="InvalidOperationException">A field of the credential is missing or wrong.</exception>
        public static int EncodeAnswer(RekeyCode code, CredentialBundle credential, byte[] buffer)
        {
            if ((code == RekeyCode.Granted) != (credential != null) || buffer.Length < (credential == null ? AnswerHead : MaxAnswer))
            {
                throw new ArgumentException("A bundle goes with Granted alone, into a buffer that holds the largest.");
            }

            int length = credential == null ? 0 : credential.Encode(buffer, AnswerHead);
            buffer[0] = (byte)code;
            buffer[1] = (byte)(length >> 8);
            buffer[2] = (byte)length;
            return AnswerHead + length;
        }
    }
}
