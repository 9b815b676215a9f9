using System;
using System.IO;
using IotPsk.Device.Native;

namespace IotPsk.Device
{
    /// <summary>A failure with a name: its <see cref="Code"/> says why, its message says what it means.</summary>
    public sealed class PskException : IOException
    {
        private readonly PskError _code;

        /// <summary>A failure that the code explains.</summary>
        /// <param name="code">Why.</param>
        public PskException(PskError code)
            : base(Explain(code))
        {
            _code = code;
        }

        /// <summary>A failure with more to say about it.</summary>
        /// <param name="code">Why.</param>
        /// <param name="detail">What was being done, or what is known beyond the code.</param>
        public PskException(PskError code, string detail)
            : base(Explain(code) + "; " + detail)
        {
            _code = code;
        }

        /// <summary>A failure caused by another.</summary>
        /// <param name="code">Why.</param>
        /// <param name="detail">What was being done.</param>
        /// <param name="cause">The other failure.</param>
        public PskException(PskError code, string detail, Exception cause)
            : base(Explain(code) + "; " + detail, cause)
        {
            _code = code;
        }

        /// <summary>Why it failed.</summary>
        public PskError Code
        {
            get { return _code; }
        }

        /// <summary>The short name of the code, e.g. "refused".</summary>
        public string Name
        {
            get
            {
                string text = Explain(_code);
                int colon = text.IndexOf(':');
                return colon < 0 ? text : text.Substring(0, colon);
            }
        }

        /// <summary>Whether trying again is of no use before somebody changes something: enrols the device, provisions it anew.</summary>
        public bool IsPermanent
        {
            get
            {
                // Another attempt is made with the other of two credentials, sooner or later.
                if (IsOfTrial)
                {
                    return false;
                }

                switch (_code)
                {
                    case PskError.Argument:
                    case PskError.Unsupported:
                    case PskError.NoCredential:
                    case PskError.VaultCorrupt:
                    case PskError.Refused:
                    case PskError.UnknownIdentity:
                    case PskError.NoCommonParameters:
                    case PskError.Version:
                    case PskError.MqttRefused:
                    case PskError.SubscriptionRefused:
                    case PskError.Lwm2mRefused:
                    case PskError.CredentialFile:
                        return true;
                    default:
                        return IsBundle(_code);
                }
            }
        }

        // Whether the session that failed offered a ticket: then the refusal may be of the ticket, and the next session offers none.
        internal bool FollowsTicket { get; set; }

        // Whether the slot held a new credential beside the old one.
        internal bool IsOfTrial { get; set; }

        // Whether another attempt right now, without the ticket, may succeed.
        internal bool IsRefusalOfTicket
        {
            get { return FollowsTicket && (IsPermanent || _code == PskError.Alert); }
        }

        internal static void ThrowIfFailed(int result)
        {
            if (result < 0)
            {
                throw new PskException((PskError)result);
            }
        }

        internal static void ThrowIfFailed(int result, string detail)
        {
            if (result < 0)
            {
                throw new PskException((PskError)result, detail);
            }
        }

        private static bool IsBundle(PskError code)
        {
            return code <= PskError.Bundle && (int)code > (int)PskError.Bundle - 64;
        }

        private static string Explain(PskError code)
        {
            switch (code)
            {
                case PskError.TimedOut: return "time-out: the time allowed for it is over";
                case PskError.NameResolution: return "name: the name of the server cannot be resolved";
                case PskError.Unreachable: return "unreachable: nothing answers at the address of the server";
                case PskError.ConnectionLost: return "connection lost: it broke without a farewell of the server";
                case PskError.MqttRefused: return "mqtt refused: the MQTT server did not accept the connection";
                case PskError.MqttUnavailable: return "mqtt unavailable: the MQTT server does not take connections now";
                case PskError.MqttProtocol: return "mqtt protocol: the server sent what MQTT 3.1.1 does not allow";
                case PskError.MqttSilent: return "mqtt silent: the MQTT server stopped answering";
                case PskError.SubscriptionRefused: return "subscription refused: the MQTT server does not allow it";
                case PskError.WindowFull: return "window full: too many messages wait for their acknowledgement";
                case PskError.CredentialFile: return "credential file: it cannot be read, overwritten or erased";
                case PskError.CoapSilent: return "coap silent: the CoAP server acknowledges nothing";
                case PskError.CoapRejected: return "coap rejected: the CoAP server does not process the message";
                case PskError.Lwm2mRefused: return "lwm2m refused: the LwM2M server does not register the device";
                case PskError.Lwm2mUnavailable: return "lwm2m unavailable: the LwM2M server cannot register the device now";
                case PskError.HandlerFailed: return "handler failed: the application threw an exception";
                default: return PskCore.ErrorName((int)code);
            }
        }
    }
}
