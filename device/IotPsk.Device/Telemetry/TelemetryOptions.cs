using System;
using IotPsk.Shared;

namespace IotPsk.Device
{
    /// <summary>What an application may choose. Nothing here weakens the protection of the connection.</summary>
    public sealed class TelemetryOptions
    {
        /// <summary>The first level of every topic.</summary>
        public string TopicPrefix { get; set; } = "iotpsk";

        /// <summary>The longest silence towards the server, in seconds, 0 to 65535; 0 is none.</summary>
        public int KeepAlive { get; set; } = 60;

        /// <summary>How many messages may wait for their acknowledgement, 1 to 1000; they are kept in memory.</summary>
        public int WindowSize { get; set; } = 16;

        /// <summary>Of <see cref="TelemetryClient.Send(string, byte[])"/>: 1 sends until the server acknowledges, 0 sends once.</summary>
        public int QualityOfService { get; set; } = 1;

        /// <summary>The longest first wait before connecting again, in milliseconds.</summary>
        public int FirstRetry { get; set; } = 1000;

        /// <summary>The longest wait of all, in milliseconds.</summary>
        public int LongestRetry { get; set; } = 300000;

        /// <summary>Whether a lost or failed connection is made again; without, the client ends with the first one.</summary>
        public bool Reconnect { get; set; } = true;

        /// <summary>Whether commands are subscribed to: topics below <c>prefix/device/cmd/</c>.</summary>
        public bool TakeCommands { get; set; } = true;

        /// <summary>With MQTT: whether the command "rekey" makes the device get the key of the fleet's newest epoch, once a minute at most; the listener hears the command too.</summary>
        public bool TakeRekey { get; set; } = true;

        /// <summary>What is spoken.</summary>
        public TelemetryProtocol Protocol { get; set; }

        /// <summary>With LwM2M: of the registration; null for the defaults.</summary>
        public Lwm2mOptions Lwm2m { get; set; }

        /// <summary>With LwM2M: of the associations; null for the defaults.</summary>
        public DatagramOptions Session { get; set; }

        /// <summary>With LwM2M: the objects beside object 1, ascending, object 3 among them; null for Device and one Temperature.</summary>
        public Lwm2mObject[] Objects { get; set; }

        /// <summary>With LwM2M, after a sleep: what <see cref="TelemetryClient.Sleep"/> returned; else null.</summary>
        public byte[] State { get; set; }

        internal void Check()
        {
            if (WindowSize < 1 || WindowSize > 1000 || KeepAlive < 0 || KeepAlive > 65535
                || QualityOfService < 0 || QualityOfService > 1 || !MqttTopic.IsName(TopicPrefix))
            {
                throw new ArgumentOutOfRangeException("options");
            }
        }
    }
}
