using System;

namespace IotPsk.Device.App
{
    /// <summary>Tells on the console how the device is, a line for each event, and hands commands to the application.</summary>
    public sealed class ConsoleListener : ITelemetryListener
    {
        private readonly object _lock = new object();
        private TelemetryApplication _application;

        /// <summary>Says who takes commands; before the application runs.</summary>
        /// <param name="application">The application.</param>
        public void Attach(TelemetryApplication application)
        {
            lock (_lock)
            {
                _application = application;
            }
        }

        /// <inheritdoc/>
        public void OnConnected(TlsConnectionInfo info)
        {
            Console.WriteLine("iotpsk: connected, " + info.VersionName + ", " + info.KeyExchangeName + (info.IsResumed ? ", resumed" : "")
                + ", " + info.HandshakeBytesSent.ToString() + " bytes out and " + info.HandshakeBytesReceived.ToString() + " in");
        }

        /// <inheritdoc/>
        public void OnDisconnected(PskException problem, int retryIn)
        {
            Console.WriteLine("iotpsk: disconnected, error " + ((int)problem.Code).ToString() + ": " + problem.Message
                + (retryIn < 0 ? "" : "; again in " + ((retryIn + 999) / 1000).ToString() + " s"));
        }

        /// <inheritdoc/>
        public void OnAcknowledged(int sequence)
        {
            Console.WriteLine("iotpsk: " + sequence.ToString() + " acknowledged");
        }

        /// <inheritdoc/>
        public void OnCommand(string name, byte[] payload)
        {
            Console.WriteLine("iotpsk: command " + name);
            TelemetryApplication application;
            lock (_lock)
            {
                application = _application;
            }

            if (application != null)
            {
                application.OnCommand(name, payload);
            }
        }

        /// <inheritdoc/>
        public void OnRekeyed(int epoch, PskException problem)
        {
            Console.WriteLine(problem == null ? "iotpsk: has the key of epoch " + epoch.ToString() : "iotpsk: got no new key: " + problem.Message);
        }
    }
}
