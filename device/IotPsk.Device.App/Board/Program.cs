using System;
using System.Threading;

namespace IotPsk.Device.App
{
    /// <summary>Where a board begins.</summary>
    public static class Program
    {
        private const string CredentialFile = "I:\\iotpsk.cred";
        private const string SettingsFile = "I:\\iotpsk.conf";
        private const int Slot = 0;

        // Before the next attempt of a board that cannot begin: somebody reads the console meanwhile, in milliseconds.
        private const int Pause = 60000;

        /// <summary>Runs the application; ends only by a deep sleep or a restart.</summary>
        public static void Main()
        {
            for (; ;)
            {
                try
                {
                    Run(BoardSettings.Read(SettingsFile));
                }
                catch (Exception problem)
                {
                    Console.WriteLine("iotpsk: " + problem.Message);
                }

                Thread.Sleep(Pause);
            }
        }

        private static void Run(BoardSettings settings)
        {
            UptimeClock clock = new UptimeClock();
            Esp32Board board = new Esp32Board(settings);
            using (Vault vault = new Vault("I:\\"))
            {
                if (Provisioning.Consume(vault, Slot, CredentialFile))
                {
                    Console.WriteLine("iotpsk: the credential is in the vault, its file erased");
                }

                string device = vault.Describe(Slot).DeviceId;
                Console.WriteLine("iotpsk: " + device + " on " + board.Model + ", " + (settings.Protocol == TelemetryProtocol.Mqtt ? "MQTT" : "LwM2M"));
                bool isLwm2m = settings.Protocol == TelemetryProtocol.Lwm2m;
                BoardObjects objects = isLwm2m ? new BoardObjects(board, device, clock) : null;
                TelemetryOptions options = new TelemetryOptions();
                options.Protocol = settings.Protocol;
                if (isLwm2m)
                {
                    options.Objects = objects.ToArray();
                    options.Lwm2m = new Lwm2mOptions();
                    options.Lwm2m.IsQueueMode = settings.Sleeps;
                    options.State = board.TakeState();
                }

                ConsoleListener listener = new ConsoleListener();
                using (TelemetryClient client = new TelemetryClient(vault, Slot, options, listener))
                using (TelemetryApplication application = new TelemetryApplication(client, board, settings.Telemetry, clock, objects))
                {
                    listener.Attach(application);
                    application.Run();
                }
            }
        }
    }
}
