process.on('SIGINT',()=>process.exit(1)); setTimeout(()=>process.kill(process.pid,'SIGINT'),100);
